package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/workers"
)

var errNoBroker = errors.New("app: a worker needs a broker")

// startWorkers starts one pool for each cluster that this process publishes for.
func (a *App) startWorkers(ctx context.Context) error {
	for _, name := range a.config.WorkerClusters {
		pool, err := a.newPool(name)
		if err != nil {
			return fmt.Errorf("prepare the worker of cluster %s: %w", name, err)
		}
		a.roles = append(a.roles, a.inBackground(ctx, "the worker of cluster "+name, pool.Run))
	}
	return nil
}

func (a *App) newPool(name string) (*workers.Pool, error) {
	if a.broker == nil {
		return nil, errNoBroker
	}
	cluster := a.served[name]
	if cluster == nil {
		return nil, fmt.Errorf("app: the settings do not name the cluster %q", name)
	}
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"cluster": name}, a.metrics.registry)
	cfg := workerConfig(a.config.Settings)
	cfg.Log = a.log.With("cluster", name)
	pool, err := workers.New(cfg, workers.Parts{
		Cluster:   cluster,
		Source:    a.set.Source(cluster),
		Publisher: a.set.Publisher,
		Hints:     a.hints[name],
		Handlers:  bounded(a.set.Handlers(), a.config.Settings.Worker),
		Metrics:   workers.NewMetrics(labelled),
	})
	if err != nil {
		return nil, fmt.Errorf("make the pool: %w", err)
	}
	return pool, nil
}

// doubling is what the settings promise of the waits between attempts.
const doubling = 2

// quickest is how much shorter than the sweep interval the pause between two looks may become while
// there are few tenants to look at.
const quickest = 4

// workerConfig makes the pool's configuration of the settings, whose defaults are the ones that count.
func workerConfig(settings config.Settings) workers.Config {
	w := settings.Worker
	return workers.Config{
		Slots:          w.Slots,
		TenantSlots:    w.TenantSlots,
		Quantum:        w.Quantum,
		BatchSize:      w.BatchSize,
		LeaseTTL:       w.LeaseTTL,
		SweepPauseMin:  max(w.SweepInterval/quickest, time.Millisecond),
		SweepPauseMax:  w.SweepInterval,
		HandlerTimeout: w.HandlerTimeout,
		Retry: workers.RetryPolicy{
			MaxAttempts: w.MaxAttempts, Base: w.RetryMin, Factor: doubling, Max: w.RetryMax,
		},
		PinnedAfter: w.PinnedAfter,
		Retention: workers.Retention{
			Messages: settings.Retention.Messages, Inbox: settings.Retention.Inbox, Attempts: settings.Retention.Attempts,
		},
		// The rest of the time is for releasing leases and leaving the broker.
		ShutdownLimit: settings.ShutdownTimeout * 3 / 4,
	}
}

// bounded gives the handlers that set no bound of their own the one of the settings.
func bounded(handlers []workers.Handler, settings config.Worker) []workers.Handler {
	for i := range handlers {
		if handlers[i].MaxConcurrent == 0 {
			handlers[i].MaxConcurrent = settings.HandlerSlots
		}
	}
	return handlers
}
