package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) tenantSuspend() *cobra.Command {
	return r.transition("suspend SLUG", "Close a tenant's doors; its events are still published",
		"  tenantry tenant suspend acme", (*tenants.Service).Suspend)
}

func (r *runner) tenantResume() *cobra.Command {
	return r.transition("resume SLUG", "Open the doors of a suspended tenant again",
		"  tenantry tenant resume acme", (*tenants.Service).Resume)
}

func (r *runner) tenantOffboard() *cobra.Command {
	return r.transition("offboard SLUG", "Close a tenant's doors for good; its data stays",
		"  tenantry tenant offboard acme", (*tenants.Service).Offboard)
}

// verb changes where a tenant stands in its life.
type verb func(service *tenants.Service, ctx context.Context, actor tenants.Actor, slug string) (tenants.Tenant, error)

func (r *runner) transition(use, short, example string, do verb) *cobra.Command {
	return r.takesJSON(&cobra.Command{
		Use: use, Short: short, Example: example,
		Args:              takes("SLUG"),
		ValidArgsFunction: r.completeSlug,
		RunE: r.run(func(cmd *cobra.Command, args []string) error {
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				tenant, err := do(a.Tenants(), cmd.Context(), operator(), args[0])
				if err != nil {
					return err
				}
				return r.showTenant(tenant)
			})
		}),
	})
}
