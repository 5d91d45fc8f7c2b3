package app

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// openClusters prepares the pools and what leaves a hint after each commit. It does not connect, so a
// process starts also while a database is away.
func (a *App) openClusters(context.Context) error {
	names := a.config.WorkerClusters
	if a.config.hasRegistry() {
		names = a.config.Settings.ClusterNames()
	}
	a.makeHints(names)
	a.served = make(map[string]*tenants.Cluster, len(names))
	a.opened("the databases", a.closeClusters)
	if !a.config.hasRegistry() {
		return a.openOwnClusters() //nolint:contextcheck // a pool outlives the start, and nothing connects yet
	}
	//nolint:contextcheck // likewise
	clusters, err := tenants.OpenClusters(a.config.Settings, tenants.Options{
		OnCommit: a.touch, OnRetire: a.metrics.retired.Inc, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("open the clusters: %w", err)
	}
	a.clusters, a.service = clusters, tenants.NewService(clusters, a.onboardHooks)
	for _, name := range names {
		if a.served[name], err = clusters.Get(name); err != nil {
			return fmt.Errorf("open the clusters: %w", err)
		}
		a.metrics.watchPool(name, a.served[name].Pool())
	}
	return nil
}

// openOwnClusters opens those that a worker serves, and nothing else.
func (a *App) openOwnClusters() error {
	settings := a.config.Settings
	for _, name := range a.config.WorkerClusters {
		urls, _ := settings.Cluster(name)
		cluster, err := tenants.OpenCluster(tenants.ClusterConfig{
			Name:           name,
			URL:            urls.URL,
			MaxConns:       settings.DatabasePoolSize,
			TenantsPerConn: settings.TenantsPerConnection,
			OnCommit:       func(tenantID string) { a.touch(name, tenantID) },
			OnRetire:       a.metrics.retired.Inc,
		})
		if err != nil {
			return fmt.Errorf("open cluster %s: %w", name, err)
		}
		a.served[name] = cluster
		a.metrics.watchPool(name, cluster.Pool())
	}
	return nil
}

func (a *App) closeClusters(context.Context) error {
	if a.clusters != nil {
		a.clusters.Close()
		return nil
	}
	for _, cluster := range a.served {
		cluster.Close()
	}
	return nil
}

// makeHints makes the hints of each cluster. They are sent and ended before the broker is left, and
// after the last commit.
func (a *App) makeHints(names []string) {
	a.hints = make(map[string]*workers.NATSHints, len(names))
	if a.broker == nil {
		return
	}
	for _, name := range names {
		a.hints[name] = workers.NewNATSHints(a.broker.conn, name)
	}
	a.opened("the hints", func(context.Context) error {
		for _, hints := range a.hints {
			hints.Close()
		}
		return nil
	})
}

// touch leaves a hint that a tenant has new work.
func (a *App) touch(cluster, tenantID string) {
	if hints, ok := a.hints[cluster]; ok {
		hints.Touch(tenantID)
	}
}

func (a *App) onboardHooks() []tenants.OnboardHook { return a.set.OnboardHooks() }

func (a *App) buildModules(context.Context) error {
	set, err := a.config.Build(a.Env())
	if err != nil {
		return fmt.Errorf("build the modules: %w", err)
	}
	a.set = set
	return nil
}
