package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantry/tenantry/config"
)

const metricsHeaderTimeout = 5 * time.Second

// startMetrics opens the listener of metrics and health, apart from the API so that it need not be
// reachable from where the API is.
func (a *App) startMetrics(ctx context.Context) error {
	address := a.config.Settings.MetricsListen
	if address == "" || !a.config.API && len(a.config.WorkerClusters) == 0 {
		return nil
	}
	listener, err := listen(ctx, address, "listener of the metrics", "--metrics-listen")
	if err != nil {
		return err
	}
	a.metricsAddress = listener.Addr()
	server := &http.Server{Handler: a.metricsRoutes(), ReadHeaderTimeout: metricsHeaderTimeout}
	serving := a.inBackground(ctx, "the metrics", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	a.opened("the metrics", func(ctx context.Context) error {
		if err := server.Shutdown(ctx); err != nil {
			return fmt.Errorf("finish the requests: %w", err)
		}
		return serving.stop(ctx)
	})
	return nil
}

func (a *App) metricsRoutes() http.Handler {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	routes.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, Health{Status: "ok", Version: a.config.Version})
	})
	routes.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		writeHealth(w, a.health(r.Context()))
	})
	return routes
}

// health tells of everything that the process reaches. The API is ready when the home database is
// there, a worker when one of its own clusters is: it can do its work, or some of it.
func (a *App) health(ctx context.Context) Health {
	const broker = "" // no cluster has an empty name
	probes := map[string]func(context.Context) error{broker: a.brokerHealth}
	for name, cluster := range a.served {
		probes[name] = func(ctx context.Context) error { return ping(ctx, cluster) }
	}
	states := probe(ctx, probes)
	health := Health{Status: "unready", Broker: states[broker], Database: states[config.HomeCluster], Clusters: states}
	delete(states, broker)
	for name, state := range states {
		if state == "up" && (name == config.HomeCluster || !a.config.API) {
			health.Status = "ok"
		}
	}
	return health
}

// writeHealth answers; a client that is gone needs no answer.
func writeHealth(w http.ResponseWriter, health Health) {
	w.Header().Set("Content-Type", "application/json")
	if health.Status != "ok" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(health) //nolint:errchkjson // a client that is gone needs no answer
}
