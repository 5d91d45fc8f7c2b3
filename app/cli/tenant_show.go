package cli

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) tenantShow() *cobra.Command {
	return r.takesJSON(&cobra.Command{
		Use:               "show SLUG",
		Short:             "Show one tenant",
		Example:           "  tenantry tenant show acme\n  tenantry tenant show acme --json",
		Args:              takes("SLUG"),
		ValidArgsFunction: r.completeSlug,
		RunE: r.run(func(cmd *cobra.Command, args []string) error {
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				tenant, err := a.Tenants().Get(cmd.Context(), operator(), args[0])
				if err != nil {
					return err
				}
				return r.showTenant(tenant)
			})
		}),
	})
}

// showTenant prints one tenant, a line for each of its properties.
func (r *runner) showTenant(t tenants.Tenant) error {
	body := bodyOf(t)
	userID := ""
	if t.OwnerUserID != nil {
		userID = *t.OwnerUserID
	}
	rows := [][]string{
		{"id", t.ID},
		{"slug", t.Slug},
		{"name", t.Name},
		{"status", body.Status},
		{"cluster", t.Cluster},
		{"weight", strconv.Itoa(t.Weight)},
		{"schema", t.SchemaName},
		{"schema version", t.SchemaVersion},
		{"owner", t.OwnerName + " <" + t.OwnerEmail + ">"},
		{"owner's user id", userID},
		{"version", strconv.FormatInt(t.LockVersion, 10)},
		{"created", t.CreatedAt.UTC().Format(time.RFC3339)},
		{"updated", t.UpdatedAt.UTC().Format(time.RFC3339)},
	}
	if t.SchemaError != "" {
		rows = append(rows, []string{"migration failed", t.SchemaError})
	}
	return r.show(module.Result{JSON: body, Columns: []string{"property", "value"}, Rows: rows})
}
