package cli

import (
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) migrateStatus() *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Count the tenants at each version, and list those whose migration failed",
		Example: "  tenantry migrate status\n  tenantry migrate status --cluster eu-1 --json",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				list, err := allTenants(cmd.Context(), a.Tenants(), tenants.ListFilter{Cluster: cluster})
				if err != nil {
					return err
				}
				return r.show(statusOf(list))
			})
		}),
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "only the tenants of this cluster")
	return r.takesJSON(cmd)
}

// schemaStatus is how far the tenants' schemas have come.
type schemaStatus struct {
	Latest   string         `json:"latest"`
	Versions map[string]int `json:"versions"`
	Failed   []failedTenant `json:"failed"`
}

func statusOf(list []tenants.Tenant) module.Result {
	status := schemaStatus{Latest: migrations.Tenant().Latest(), Versions: map[string]int{}, Failed: []failedTenant{}}
	for _, t := range list {
		status.Versions[t.SchemaVersion]++
		if t.SchemaError != "" {
			status.Failed = append(status.Failed, failedTenant{t.Slug, t.SchemaError})
		}
	}
	rows := make([][]string, 0, len(status.Versions)+len(status.Failed))
	for _, version := range slices.Sorted(maps.Keys(status.Versions)) {
		note := "behind"
		switch version {
		case status.Latest:
			note = "newest"
		case "":
			note = "being onboarded"
		}
		rows = append(rows, []string{version, strconv.Itoa(status.Versions[version]), note})
	}
	for _, failed := range status.Failed {
		rows = append(rows, []string{failed.Slug, "failed", failed.Error})
	}
	return module.Result{JSON: status, Columns: []string{"version", "tenants", "note"}, Rows: rows}
}
