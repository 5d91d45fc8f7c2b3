package cli

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) migrate() *cobra.Command {
	cmd := group("migrate", "Bring the schemas to their newest version", "  tenantry migrate up\n  tenantry migrate status")
	cmd.AddCommand(r.migrateUp(), r.migrateStatus())
	return cmd
}

func (r *runner) migrateUp() *cobra.Command {
	var options tenants.MigrateOptions
	cmd := &cobra.Command{
		Use:     "up",
		Short:   "Migrate the shared schemas and every tenant; what is up to date is passed over",
		Example: "  tenantry migrate up\n  tenantry migrate up --tenant acme\n  tenantry migrate up --cluster eu-1 --parallel 8",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			if options.Parallel < 1 {
				return usagef("--parallel must be at least 1.")
			}
			settings, err := r.settings(needsOwners)
			if err != nil {
				return err
			}
			failed, err := r.migrateAll(cmd.Context(), settings, r.serverLog(settings), options)
			if err != nil {
				return err
			}
			return r.showFailures(failed)
		}),
	}
	cmd.Flags().IntVar(&options.Parallel, "parallel", 4, "how many tenants are migrated at a time")
	cmd.Flags().StringVar(&options.Slug, "tenant", "", "only this tenant")
	cmd.Flags().StringVar(&options.Cluster, "cluster", "", "only the tenants of this cluster")
	cmd.MarkFlagsMutuallyExclusive("tenant", "cluster")
	r.completeTenantFlag(cmd)
	return r.takesJSON(cmd)
}

// migrated is what could not be migrated.
type migrated struct{ clusters, tenants []migrations.Failure }

// migrateAll migrates the shared schemas and then tenants. What fails does not stop the others, but for
// the home cluster, which holds the registry.
func (r *runner) migrateAll(
	ctx context.Context, settings config.Settings, log *slog.Logger, options tenants.MigrateOptions,
) (failed migrated, err error) {
	options.Progress = r.progress(log)
	quiet := slog.New(slog.DiscardHandler) // connections that come and go are no news here
	err = r.withOpened(ctx, settings, quiet, func(a *app.App) error {
		var err error
		if failed.clusters, err = tenants.MigrateClusters(ctx, a.Clusters()); err != nil {
			return err
		}
		failed.tenants, err = a.Tenants().Migrate(ctx, operator(), options)
		return err
	})
	return failed, err
}

// failedTenant is a tenant whose migration failed.
type failedTenant struct {
	Slug  string `json:"slug"`
	Error string `json:"error"`
}

// failedCluster is a cluster whose shared schema could not be migrated.
type failedCluster struct {
	Cluster string `json:"cluster"`
	Error   string `json:"error"`
}

// migrateResult is what migrate up has to show.
type migrateResult struct {
	Version  string          `json:"version"`
	Failed   []failedTenant  `json:"failed"`
	Clusters []failedCluster `json:"failed_clusters"`
}

// showFailures prints what failed, which makes the command fail.
func (r *runner) showFailures(failed migrated) error {
	shown := migrateResult{Version: migrations.Tenant().Latest(), Failed: []failedTenant{}, Clusters: []failedCluster{}}
	rows := make([][]string, 0, len(failed.clusters)+len(failed.tenants))
	for _, failure := range failed.clusters {
		text := mask(failure.Err.Error())
		shown.Clusters = append(shown.Clusters, failedCluster{failure.Name, text})
		rows = append(rows, []string{"cluster " + failure.Name, text})
	}
	for _, failure := range failed.tenants {
		text := mask(failure.Err.Error())
		shown.Failed = append(shown.Failed, failedTenant{failure.Name, text})
		rows = append(rows, []string{"tenant " + failure.Name, text})
	}
	if len(rows) == 0 {
		return r.show(module.Result{JSON: shown, Message: "Every schema is at its newest version, " + shown.Version + "."})
	}
	if err := r.show(module.Result{JSON: shown, Columns: []string{"what", "error"}, Rows: rows}); err != nil {
		return err
	}
	fmt.Fprintf(r.Stderr, "%d clusters and %d tenants could not be migrated; the others were.\n",
		len(shown.Clusters), len(shown.Failed))
	return errReported
}
