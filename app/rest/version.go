package rest

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

// Check compares with the current version.
func (v Version) Check(current int64) error {
	switch {
	case !v.stated:
		return fault.New(fault.VersionRequired, "version_required", "Say which version you saw; the current one is %d.", current)
	case v.seen != current:
		return fault.New(fault.Stale, "stale_version", "Somebody changed it since you read it; read it again and decide anew.")
	default:
		return nil
	}
}

// Required returns the lock version that the caller saw, or the answer to one who says nothing. It is 0,
// which is never current, when what they name is no version of ours.
func (v Version) Required() (int64, error) {
	if !v.stated {
		return 0, fault.New(fault.VersionRequired, "version_required", "Say which version you saw: If-Match takes its ETag.")
	}
	return v.seen, nil
}

var entityTag = regexp.MustCompile(`^(W/)?"([\x21\x23-\x7e\x80-\xff]*)"$`)

// ParseIfMatch reads the header of a change. No header and * both say nothing about what the caller
// saw. A weak tag, or one that is no version of ours, is well-formed and never matches (RFC 9110,
// 13.1.1). Lists are refused: nobody saw two versions.
func ParseIfMatch(header string) (Version, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return Version{}, nil
	}
	tag := entityTag.FindStringSubmatch(header)
	if tag == nil {
		return Version{}, fault.New(fault.Malformed, "bad_if_match", `If-Match takes the ETag of the version you saw, for example "3".`)
	}
	version, _ := strconv.ParseInt(tag[2], 10, 64) // what is no number is no version of ours
	if ETag(version) != header {
		version = 0 // versions begin at 1
	}
	return Saw(version), nil
}

// ETag is the entity tag of a lock version.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// SeenAlready reports whether If-None-Match names the current version, so that there is nothing new to
// send. The comparison is weak (RFC 9110, 13.1.2).
func SeenAlready(ifNoneMatch string, version int64) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == ETag(version) {
			return true
		}
	}
	return false
}
