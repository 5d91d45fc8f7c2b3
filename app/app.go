// Package app is what every module stands on: the composition of a process, and its doors.
//
// A process is opened and started in one order, which Start shows on one screen, and stopped in the
// reverse one. It never names a module: those come in through module.Build.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Config says what a process is to be. Without API and WorkerClusters it opens what commands work
// with, and runs nothing.
type Config struct {
	// Settings are the settings, with the URLs of whatever is embedded filled in.
	Settings config.Settings
	// Build joins the modules.
	Build module.Build
	// API starts the HTTP door on Settings.Listen.
	API bool
	// WorkerClusters are the clusters whose events this process publishes. A process that is only a
	// worker reaches no other cluster, not even the one with the registry.
	WorkerClusters []string
	// Log is the process's log. Default: nothing is logged.
	Log *slog.Logger
	// Version and Commit say which program this is. Defaults "dev" and nothing.
	Version, Commit string
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c
}

// hasRegistry reports whether the process reaches the home cluster, and with it all others.
func (c Config) hasRegistry() bool { return c.API || len(c.WorkerClusters) == 0 }

// App is a running process.
type App struct {
	config  Config
	log     *slog.Logger
	metrics *metrics

	broker   *broker
	hints    map[string]*workers.NATSHints
	clusters *tenants.Clusters
	served   map[string]*tenants.Cluster
	service  *tenants.Service
	set      module.Set

	apiAddress, metricsAddress net.Addr

	// parts are what was opened, in order; roles are what runs over it, and stops first.
	parts, roles []stopper
	failure      chan error
	stop         sync.Once
	stopErr      error
}

// Start opens everything that the process needs and starts its roles. The context bounds the start
// only. What was started is stopped again when a later step fails.
func Start(ctx context.Context, cfg Config) (*App, error) {
	cfg = cfg.withDefaults()
	a := &App{config: cfg, log: cfg.Log, metrics: newMetrics(cfg), failure: make(chan error, 1)}
	steps := []func(ctx context.Context) error{
		a.connectBroker,
		a.openClusters,
		a.buildModules,
		a.ensureStream,
		a.startAPI,
		a.startWorkers,
		a.startMetrics,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}
	return a, nil
}

// URL is how to reach the API; empty when the process has none.
func (a *App) URL() string { return urlOf(a.apiAddress) }

// MetricsURL is how to reach metrics and health; empty when they are off.
func (a *App) MetricsURL() string { return urlOf(a.metricsAddress) }

// Clusters are the opened clusters; nil in a process that is only a worker.
func (a *App) Clusters() *tenants.Clusters { return a.clusters }

// Tenants is the operator's service; nil in a process that is only a worker.
func (a *App) Tenants() *tenants.Service { return a.service }

// Set is the modules.
func (a *App) Set() module.Set { return a.set }

// Settings are what the process was started with.
func (a *App) Settings() config.Settings { return a.config.Settings }

// Env is what the process has opened, as the modules got it.
func (a *App) Env() module.Env {
	env := module.Env{
		Clusters: a.clusters, Tenants: a.service, Duplicate: a.metrics.duplicates.Inc, Log: a.log,
		Handlers: a.set.Handlers(),
	}
	if a.broker != nil {
		env.NATS, env.JetStream = a.broker.conn, a.broker.js
	}
	return env
}

// Wait returns when the context ends, or with an error when a part of the process has failed.
func (a *App) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.failure:
		return err
	}
}
