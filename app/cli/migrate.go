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
			failures, err := r.migrateAll(cmd.Context(), settings, r.serverLog(settings), options)
			if err != nil {
				return err
			}
			return r.showFailures(failures)
		}),
	}
	cmd.Flags().IntVar(&options.Parallel, "parallel", 4, "how many tenants are migrated at a time")
	cmd.Flags().StringVar(&options.Slug, "tenant", "", "only this tenant")
	cmd.Flags().StringVar(&options.Cluster, "cluster", "", "only the tenants of this cluster")
	cmd.MarkFlagsMutuallyExclusive("tenant", "cluster")
	r.completeTenantFlag(cmd)
	return r.takesJSON(cmd)
}

// migrateAll migrates the shared schemas and then tenants, and returns those that failed.
func (r *runner) migrateAll(
	ctx context.Context, settings config.Settings, log *slog.Logger, options tenants.MigrateOptions,
) (failures []migrations.Failure, err error) {
	options.Progress = r.progress(log)
	quiet := slog.New(slog.DiscardHandler) // connections that come and go are no news here
	err = r.withOpened(ctx, settings, quiet, func(a *app.App) error {
		if err := tenants.MigrateControl(ctx, a.Clusters()); err != nil {
			return err
		}
		failures, err = a.Tenants().Migrate(ctx, operator(), options)
		return err
	})
	return failures, err
}

// failedTenant is a tenant whose migration failed.
type failedTenant struct {
	Slug  string `json:"slug"`
	Error string `json:"error"`
}

// showFailures prints what failed, which makes the command fail.
func (r *runner) showFailures(failures []migrations.Failure) error {
	failed := make([]failedTenant, len(failures))
	rows := make([][]string, len(failures))
	for i, failure := range failures {
		text := mask(failure.Err.Error())
		failed[i], rows[i] = failedTenant{failure.Name, text}, []string{failure.Name, text}
	}
	result := module.Result{JSON: map[string]any{"version": migrations.Tenant().Latest(), "failed": failed}}
	if len(failures) == 0 {
		result.Message = "Every schema is at its newest version, " + migrations.Tenant().Latest() + "."
		return r.show(result)
	}
	result.Columns, result.Rows = []string{"tenant", "error"}, rows
	if err := r.show(result); err != nil {
		return err
	}
	fmt.Fprintf(r.Stderr, "%d tenants could not be migrated; the others were.\n", len(failures))
	return errReported
}
