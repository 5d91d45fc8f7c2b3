package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// upFlags are the flags of up beside the addresses.
type upFlags struct {
	listenFlags

	nats string
	demo bool
}

func (r *runner) up() *cobra.Command {
	var flags upFlags
	cmd := listSettings(&cobra.Command{
		Use:   "up",
		Short: "Run everything in one process, with PostgreSQL and NATS JetStream of its own",
		Long: "Run everything in one process: PostgreSQL and NATS JetStream unless their URLs are set, migrations, API and worker.\n" +
			"When it is ready it prints one line of JSON on stdout.",
		Example: "  tenantry up\n  tenantry up --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --nats-listen 127.0.0.1:0 --data /tmp/try",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			settings, err := config.Load(r.Environ)
			if err != nil {
				return err
			}
			if settings, err = flags.apply(cmd, settings); err != nil {
				return err
			}
			if err := settings.RequireUp(); err != nil {
				return err
			}
			return r.runUp(cmd.Context(), settings, flags)
		}),
	})
	flags.declare(cmd, true)
	cmd.Flags().StringVar(&flags.nats, "nats-listen", "127.0.0.1:4222", "address of the embedded NATS; port 0 picks a free one")
	cmd.Flags().BoolVar(&flags.demo, "demo", true, "onboard the tenants acme and globex the first time")
	return cmd
}

// runUp holds the data folder for as long as the process runs.
func (r *runner) runUp(ctx context.Context, settings config.Settings, flags upFlags) (err error) {
	folder, err := embedded.OpenDataDir(r.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := removeRuntimeFile(folder.Path()); err != nil {
		return err // of a program that was killed
	}
	if err := flags.checkAddresses(ctx, settings); err != nil {
		return err
	}
	if settings.JWT.Secret == "" && settings.JWT.JWKSURL == "" {
		if settings.JWT.Secret, err = keptSecret(folder.Path()); err != nil {
			return err
		}
	}
	log := r.serverLog(settings)
	runtime, settings, err := app.StartRuntime(ctx, app.RuntimeConfig{
		Dir: folder.Path(), NATSListen: flags.nats, Log: log,
	}, settings)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // which is why the start failed
		}
		return err
	}
	defer func() { err = errors.Join(err, stopServers(ctx, runtime, settings.ShutdownTimeout)) }()
	return whileKept(ctx, runtime, func(ctx context.Context) error {
		return r.runOver(ctx, settings, flags, folder.Path(), log)
	})
}

// whileKept does the work for as long as the embedded servers can be kept running. When they cannot, the
// work's context ends, and why is the error.
func whileKept(ctx context.Context, runtime *app.Runtime, work func(ctx context.Context) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	kept := make(chan error, 1)
	go func() {
		err := runtime.KeepRunning(ctx)
		if err != nil {
			end()
		}
		kept <- err
	}()
	err := work(ctx)
	end()
	return errors.Join(<-kept, err)
}

// stopServers ends what is embedded, also when the process was asked to end.
func stopServers(ctx context.Context, runtime *app.Runtime, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return runtime.Stop(ctx)
}

// checkAddresses finds a taken port before the databases have been started for nothing.
func (f *upFlags) checkAddresses(ctx context.Context, settings config.Settings) error {
	if err := app.CheckListen(ctx, settings.Listen, "API", "--listen"); err != nil {
		return err
	}
	if settings.MetricsListen == "" {
		return nil
	}
	return app.CheckListen(ctx, settings.MetricsListen, "listener of the metrics", "--metrics-listen")
}

// runOver migrates the servers and runs API and worker over them, until it is asked to end.
func (r *runner) runOver(ctx context.Context, settings config.Settings, flags upFlags, data string, log *slog.Logger) error {
	failed, err := r.migrateAll(ctx, settings, log, tenants.MigrateOptions{})
	if err != nil {
		return err
	}
	for _, failure := range failed.clusters {
		log.Error("a cluster could not be migrated; its tenants wait", "cluster", failure.Name, "error", mask(failure.Err.Error()))
	}
	for _, failure := range failed.tenants {
		log.Error("a tenant could not be migrated; it keeps its version", "tenant", failure.Name, "error", mask(failure.Err.Error()))
	}
	cfg := r.appConfig(settings, log)
	cfg.API, cfg.WorkerClusters = true, settings.ClusterNames()
	if cfg.WorkerName, err = keptWorkerName(data); err != nil {
		return err
	}
	running, err := app.Start(ctx, cfg)
	if err != nil {
		return err
	}
	err = r.announce(ctx, running, settings, flags.demo, data)
	if err == nil {
		log.Info("ready", "url", running.URL(), "docs", running.URL()+"/docs", "metrics_url", running.MetricsURL())
		err = running.Wait(ctx)
	}
	log.Info("stopping")
	err = errors.Join(err, removeRuntimeFile(data)) // nobody new may come
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, running.Stop(stopping))
}

// announce tells that everything runs: to other commands in the data folder, to people and programs
// on stdout.
func (r *runner) announce(ctx context.Context, running *app.App, settings config.Settings, demo bool, data string) error {
	var onboarded []tenants.Tenant
	if demo {
		var err error
		if onboarded, err = onboardDemo(ctx, running.Tenants()); err != nil {
			return fmt.Errorf("onboard the demo tenants: %w", err)
		}
	}
	line, err := readyLine(running, settings, onboarded)
	if err != nil {
		return err
	}
	if err := writeRuntimeFile(data, newRuntimeFile(settings, running.URL(), running.MetricsURL())); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(r.Stdout, "%s\n", line); err != nil {
		return fmt.Errorf("print the line that says ready: %w", err)
	}
	return nil
}
