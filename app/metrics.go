package app

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metricsNamespace begins the name of every metric of this program.
const metricsNamespace = "tenantry"

// metrics are what the process counts beside its workers.
type metrics struct {
	registry   *prometheus.Registry
	duplicates prometheus.Counter
	retired    prometheus.Counter
}

func newMetrics(cfg Config) *metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	factory := promauto.With(registry)
	factory.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "build_info", Help: "Always 1; the labels say which program this is.",
	}, []string{"version", "commit"}).WithLabelValues(cfg.Version, cfg.Commit).Set(1)
	return &metrics{
		registry: registry,
		duplicates: factory.NewCounter(prometheus.CounterOpts{
			Namespace: metricsNamespace, Subsystem: "broker", Name: "duplicates_total",
			Help: "Events that the broker dropped because it had them already.",
		}),
		retired: factory.NewCounter(prometheus.CounterOpts{
			Namespace: metricsNamespace, Subsystem: "database", Name: "retired_connections_total",
			Help: "Connections that were retired because they had served many tenants.",
		}),
	}
}

// watchBroker shows whether the broker is there.
func (m *metrics) watchBroker(conn *nats.Conn) {
	promauto.With(m.registry).NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Subsystem: "broker", Name: "connected", Help: "1 while the broker is connected.",
	}, func() float64 {
		if conn.IsConnected() {
			return 1
		}
		return 0
	})
}

// watchPool shows how busy a cluster's connections are.
func (m *metrics) watchPool(cluster string, pool *pgxpool.Pool) {
	labelled := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"cluster": cluster}, m.registry))
	gauge := func(name, help string, read func(*pgxpool.Stat) float64) {
		labelled.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: metricsNamespace, Subsystem: "database", Name: name, Help: help,
		}, func() float64 { return read(pool.Stat()) })
	}
	counter := func(name, help string, read func(*pgxpool.Stat) float64) {
		labelled.NewCounterFunc(prometheus.CounterOpts{
			Namespace: metricsNamespace, Subsystem: "database", Name: name, Help: help,
		}, func() float64 { return read(pool.Stat()) })
	}
	gauge("connections", "Open connections.", func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) })
	gauge("connections_in_use", "Connections in use.", func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })
	gauge("connections_max", "Most connections that may be open.", func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })
	counter("acquires_total", "Times that a connection was taken.",
		func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) })
	counter("acquire_waits_total", "Times that it had to be waited for.",
		func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })
	counter("acquire_wait_seconds_total", "Time spent waiting for connections.",
		func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() })
}
