package cli

import (
	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/config"
)

func (r *runner) worker() *cobra.Command {
	var flags listenFlags
	var cluster string
	var slots int
	cmd := listSettings(&cobra.Command{
		Use:     "worker --cluster NAME",
		Short:   "Publish the events of one cluster's tenants",
		Long:    "Publish the events of one cluster's tenants. It needs that cluster and the broker, and nothing else.",
		Example: "  tenantry worker --cluster main\n  tenantry worker --cluster eu-1 --slots 16",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			settings, err := r.settings(func(s config.Settings) error { return s.RequireWorker(cluster) })
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("slots") {
				settings.Worker.Slots = slots
			}
			if settings, err = flags.apply(cmd, settings); err != nil {
				return err
			}
			log := r.serverLog(settings)
			cfg := r.appConfig(settings, log)
			cfg.WorkerClusters = []string{cluster}
			return runUntilStopped(cmd.Context(), cfg, log)
		}),
	})
	cmd.Flags().StringVar(&cluster, "cluster", "", "the cluster whose events it publishes")
	cmd.Flags().IntVar(&slots, "slots", 0, "turns that run at the same time (default: TENANTRY_WORKER_SLOTS)")
	requireFlags(cmd, "cluster")
	flags.declare(cmd, false)
	return cmd
}
