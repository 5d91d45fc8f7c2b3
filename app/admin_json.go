package app

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// tenantBody is a tenant as operators see it.
type tenantBody struct {
	ID            string    `json:"id" format:"uuid"`
	Slug          string    `json:"slug" example:"acme"`
	Name          string    `json:"name" example:"Acme Inc."`
	Status        string    `json:"status" enum:"provisioning,active,suspended,offboarding"`
	Cluster       string    `json:"cluster" example:"main"`
	Weight        int       `json:"weight" example:"1" doc:"The share of the workers' time beside other tenants."`
	SchemaVersion string    `json:"schema_version" doc:"The newest migration that it has, empty before the first."`
	Owner         ownerBody `json:"owner"`
	LockVersion   int64     `json:"lock_version" example:"1" doc:"The version; its ETag is this number in quotes."`
	CreatedAt     string    `json:"created_at" format:"date-time" example:"2026-01-02T03:04:05.678901Z"`
	UpdatedAt     string    `json:"updated_at" format:"date-time" example:"2026-01-02T03:04:05.678901Z"`
}

type ownerBody struct {
	Email  string  `json:"email" example:"ada@example.com"`
	Name   string  `json:"name" example:"Ada Lovelace"`
	UserID *string `json:"user_id" nullable:"true" format:"uuid" doc:"The first admin's user id; null until onboarding made it."`
}

// timeLayout is RFC 3339 in UTC with the microseconds that PostgreSQL keeps.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

func tenantBodyOf(t tenants.Tenant) tenantBody {
	return tenantBody{
		ID: t.ID, Slug: t.Slug, Name: t.Name, Status: string(t.Status), Cluster: t.Cluster,
		Weight: t.Weight, SchemaVersion: t.SchemaVersion,
		Owner:       ownerBody{Email: t.OwnerEmail, Name: t.OwnerName, UserID: t.OwnerUserID},
		LockVersion: t.LockVersion, CreatedAt: formatTime(t.CreatedAt), UpdatedAt: formatTime(t.UpdatedAt),
	}
}

func showTenant(t tenants.Tenant) *tenantOutput {
	return &tenantOutput{Status: http.StatusOK, ETag: `"` + strconv.FormatInt(t.LockVersion, 10) + `"`, Body: tenantBodyOf(t)}
}

var entityTag = regexp.MustCompile(`^(W/)?"([\x21\x23-\x7e\x80-\xff]*)"$`)

// parseIfMatch reads the version that the caller saw. A weak tag, or one that is no version of ours,
// is well-formed and never matches (RFC 9110, 13.1.1), and neither does version 0.
func parseIfMatch(header string) (int64, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, fault.New(fault.VersionRequired, "version_required", "Say which version you saw: If-Match takes its ETag.")
	}
	tag := entityTag.FindStringSubmatch(header)
	if tag == nil {
		return 0, fault.New(fault.Malformed, "bad_if_match", `If-Match takes the ETag of the version you saw, for example "3".`)
	}
	version, _ := strconv.ParseInt(tag[2], 10, 64) // what is no number is no version of ours
	if tag[1] != "" || strconv.FormatInt(version, 10) != tag[2] {
		version = 0
	}
	return version, nil
}
