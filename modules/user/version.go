package user

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/app/fault"
)

// Version is what the caller says about the version that they saw. Its zero value says nothing.
type Version struct {
	seen   int64
	stated bool
}

// Saw makes the version of a caller who saw this lock version.
func Saw(version int64) Version { return Version{seen: version, stated: true} }

// check compares with the current version.
func (v Version) check(current int64) error {
	switch {
	case !v.stated:
		return fault.New(fault.VersionRequired, "version_required", "Say which version you saw; the current one is %d.", current)
	case v.seen != current:
		return fault.New(fault.Stale, "stale_version", "Somebody changed it since you read it; read it again and decide anew.")
	default:
		return nil
	}
}

var entityTag = regexp.MustCompile(`^(W/)?"([\x21\x23-\x7e\x80-\xff]*)"$`)

// parseIfMatch reads the header of a change. No header and * both say nothing about what the caller
// saw. A weak tag, or one that is no version of ours, is well-formed and never matches (RFC 9110,
// 13.1.1). Lists are refused: nobody saw two versions.
func parseIfMatch(header string) (Version, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return Version{}, nil
	}
	tag := entityTag.FindStringSubmatch(header)
	if tag == nil {
		return Version{}, fault.New(fault.Malformed, "bad_if_match", `If-Match takes the ETag of the version you saw, for example "3".`)
	}
	version, _ := strconv.ParseInt(tag[2], 10, 64) // what is no number is no version of ours
	if formatETag(version) != header {
		version = 0 // versions begin at 1
	}
	return Saw(version), nil
}

func formatETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// seenAlready reports whether If-None-Match names the current version, so that there is nothing new
// to send. The comparison is weak (RFC 9110, 13.1.2).
func seenAlready(ifNoneMatch string, version int64) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == formatETag(version) {
			return true
		}
	}
	return false
}
