package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) tenant() *cobra.Command {
	cmd := group("tenant", "Create, show and close tenants", "  tenantry tenant list\n  tenantry tenant show acme")
	cmd.AddCommand(r.tenantCreate(), r.tenantList(), r.tenantShow(), r.tenantSuspend(), r.tenantResume(), r.tenantOffboard())
	return cmd
}

// tenantBody is a tenant as the admin API shows it.
type tenantBody struct {
	ID            string    `json:"id"`
	Slug          string    `json:"slug"`
	Name          string    `json:"name"`
	Status        string    `json:"status"`
	Cluster       string    `json:"cluster"`
	Weight        int       `json:"weight"`
	SchemaVersion string    `json:"schema_version"`
	SchemaError   string    `json:"schema_error,omitempty"`
	Owner         ownerBody `json:"owner"`
	LockVersion   int64     `json:"lock_version"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

type ownerBody struct {
	Email  string  `json:"email"`
	Name   string  `json:"name"`
	UserID *string `json:"user_id"`
}

func bodyOf(t tenants.Tenant) tenantBody {
	return tenantBody{
		ID: t.ID, Slug: t.Slug, Name: t.Name, Status: string(t.Status), Cluster: t.Cluster, Weight: t.Weight,
		SchemaVersion: t.SchemaVersion, SchemaError: t.SchemaError,
		Owner:       ownerBody{Email: t.OwnerEmail, Name: t.OwnerName, UserID: t.OwnerUserID},
		LockVersion: t.LockVersion, CreatedAt: t.CreatedAt.UTC(), UpdatedAt: t.UpdatedAt.UTC(),
	}
}

// tableOf is tenants as a table and as JSON.
func tableOf(list []tenants.Tenant) module.Result {
	bodies := make([]tenantBody, len(list))
	rows := make([][]string, len(list))
	for i, t := range list {
		bodies[i] = bodyOf(t)
		rows[i] = []string{t.Slug, t.Name, string(t.Status), t.Cluster, t.SchemaVersion, day(t.CreatedAt)}
	}
	return module.Result{
		JSON: bodies, Rows: rows,
		Columns: []string{"slug", "name", "status", "cluster", "schema version", "created"},
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
