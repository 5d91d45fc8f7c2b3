package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tenantry/tenantry/tenants"
)

const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
	// probeTimeout bounds each question, which are asked side by side.
	probeTimeout = 2 * time.Second
)

// Health is the body of the health routes. It names states only: the reasons are in the log.
type Health struct {
	// Status is "ok" or "unready".
	Status string `json:"status"`
	// Version is the program's version.
	Version string `json:"version,omitempty"`
	// Database is the home database, without which nobody can be answered.
	Database string `json:"database,omitempty"`
	// Broker is the broker, without which events wait.
	Broker string `json:"broker,omitempty"`
	// Clusters are all clusters; one that is down concerns its own tenants only.
	Clusters map[string]string `json:"clusters,omitempty"`
}

func routeHealth(server *fiber.App, config HTTPConfig) {
	server.Get(healthPath, func(c *fiber.Ctx) error {
		return c.JSON(Health{Status: "ok", Version: config.Version})
	})
	server.Get(readyPath, func(c *fiber.Ctx) error {
		health := ready(c.UserContext(), config)
		if health.Status != "ok" {
			c.Status(fiber.StatusServiceUnavailable)
		}
		return c.JSON(health)
	})
}

// ready asks the home database, which decides, and tells of the broker and the clusters, which do not.
func ready(ctx context.Context, config HTTPConfig) Health {
	probes := map[string]func(context.Context) error{}
	for _, name := range config.Clusters.Names() {
		if cluster, err := config.Clusters.Get(name); err == nil {
			probes[name] = func(ctx context.Context) error { return ping(ctx, cluster) }
		}
	}
	const broker = "" // no cluster has an empty name
	if config.Broker != nil {
		probes[broker] = config.Broker
	}
	states := probe(ctx, probes)
	health := Health{Status: "ok", Broker: states[broker], Database: states[config.Clusters.Home().Name()]}
	delete(states, broker)
	health.Clusters = states
	if health.Database != "up" {
		health.Status = "unready"
	}
	return health
}

func probe(ctx context.Context, probes map[string]func(context.Context) error) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	states := make(map[string]string, len(probes))
	var mu sync.Mutex
	var asked sync.WaitGroup
	for name, ask := range probes {
		asked.Go(func() {
			state := "up"
			if err := ask(ctx); err != nil {
				state = "down"
			}
			mu.Lock()
			defer mu.Unlock()
			states[name] = state
		})
	}
	asked.Wait()
	return states
}

func ping(ctx context.Context, cluster *tenants.Cluster) error {
	if _, err := cluster.Pool().Exec(ctx, "select 1"); err != nil {
		return fmt.Errorf("ask cluster %s: %w", cluster.Name(), err)
	}
	return nil
}
