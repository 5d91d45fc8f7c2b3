package app

import (
	"net/http"
	"time"

	"github.com/tenantry/tenantry/app/rest"
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
	return &tenantOutput{Status: http.StatusOK, ETag: rest.ETag(t.LockVersion), Body: tenantBodyOf(t)}
}
