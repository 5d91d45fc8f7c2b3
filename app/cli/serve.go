package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/config"
)

// listenFlags are the addresses that flags can change.
type listenFlags struct{ listen, metrics string }

func (f *listenFlags) declare(cmd *cobra.Command, api bool) {
	if api {
		cmd.Flags().StringVar(&f.listen, "listen", "", "address of the API; port 0 picks a free one (default 127.0.0.1:8080)")
	}
	cmd.Flags().StringVar(&f.metrics, "metrics-listen", "",
		"address of metrics and health; off when empty (default 127.0.0.1:9090)")
}

// apply lets flags win, and checks again.
func (f *listenFlags) apply(cmd *cobra.Command, settings config.Settings) (config.Settings, error) {
	if cmd.Flags().Changed("listen") {
		settings.Listen = f.listen
	}
	if cmd.Flags().Changed("metrics-listen") {
		settings.MetricsListen = f.metrics
	}
	return settings, settings.Validate()
}

func (r *runner) serve() *cobra.Command {
	var flags listenFlags
	cmd := listSettings(&cobra.Command{
		Use:     "serve",
		Short:   "Run the API alone",
		Example: "  tenantry serve\n  tenantry serve --listen :8080 --metrics-listen :9090",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			settings, err := r.settings(config.Settings.RequireServe)
			if err != nil {
				return err
			}
			if settings, err = flags.apply(cmd, settings); err != nil {
				return err
			}
			log := r.serverLog(settings)
			cfg := r.appConfig(settings, log)
			cfg.API = true
			return runUntilStopped(cmd.Context(), cfg, log)
		}),
	})
	flags.declare(cmd, true)
	return cmd
}

// runUntilStopped runs a process until it is asked to end, or a part of it fails.
func runUntilStopped(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	log.Info("starting", "version", cfg.Version, "commit", cfg.Commit, "settings", cfg.Settings)
	running, err := app.Start(ctx, cfg)
	if err != nil {
		return err
	}
	log.Info("ready", "url", running.URL(), "metrics_url", running.MetricsURL(), "workers", cfg.WorkerClusters)
	err = running.Wait(ctx)
	log.Info("stopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Settings.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, running.Stop(stopping))
}
