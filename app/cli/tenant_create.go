package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) tenantCreate() *cobra.Command {
	var request tenants.OnboardRequest
	cmd := &cobra.Command{
		Use:   "create SLUG --name NAME --owner-email EMAIL",
		Short: "Onboard a tenant; the same call again finishes one that was interrupted",
		Example: "  tenantry tenant create acme --name 'Acme Inc.' --owner-email ada@acme.example\n" +
			"  tenantry tenant create umbrella --name Umbrella --owner-email u@example.com --cluster eu-1 --json",
		Args: takes("SLUG"),
		RunE: r.run(func(cmd *cobra.Command, args []string) error {
			request.Slug = args[0]
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				tenant, created, err := a.Tenants().Onboard(cmd.Context(), operator(), request)
				if err != nil {
					return err
				}
				if !created {
					fmt.Fprintf(r.Stderr, "The tenant %s was there already.\n", tenant.Slug)
				}
				return r.showTenant(tenant)
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&request.Name, "name", "", "the tenant's name, for people")
	flags.StringVar(&request.OwnerEmail, "owner-email", "", "address of its first admin")
	flags.StringVar(&request.OwnerName, "owner-name", "", "the first admin's name (default: the address up to its @)")
	flags.StringVar(&request.Cluster, "cluster", tenants.HomeCluster, "where it is placed")
	requireFlags(cmd, "name", "owner-email")
	return r.takesJSON(cmd)
}

// requireFlags makes a call without these flags wrong usage.
func requireFlags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is not declared: a defect that every test finds
		}
	}
}
