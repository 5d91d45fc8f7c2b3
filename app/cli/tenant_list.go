package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) tenantList() *cobra.Command {
	var status, cluster string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the tenants",
		Example: "  tenantry tenant list\n  tenantry tenant list --status suspended --json",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				filter := tenants.ListFilter{Status: tenants.Status(status), Cluster: cluster}
				list, err := allTenants(cmd.Context(), a.Tenants(), filter)
				if err != nil {
					return err
				}
				return r.show(tableOf(list))
			})
		}),
	}
	cmd.Flags().StringVar(&status, "status", "", "only those: provisioning, active, suspended or offboarding")
	cmd.Flags().StringVar(&cluster, "cluster", "", "only those on this cluster")
	return r.takesJSON(cmd)
}

// pageSize is how many tenants are read at once.
const pageSize = 200

// allTenants reads page after page.
func allTenants(ctx context.Context, service *tenants.Service, filter tenants.ListFilter) ([]tenants.Tenant, error) {
	filter.Limit = pageSize
	all := []tenants.Tenant{}
	for {
		page, next, err := service.List(ctx, operator(), filter)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		filter.Cursor = next
	}
}
