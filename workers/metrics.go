package workers

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics counts what the pool does. No label holds a tenant: their number has no bound.
type Metrics struct {
	upkeep

	destinations destinationMetrics

	turns, published, retries, dead, stale, lost prometheus.Counter
	abandoned                                    *prometheus.CounterVec
	turnSeconds, waitSeconds, publishSeconds     prometheus.Histogram
	held, waiting                                prometheus.Gauge
	oldestSeconds                                prometheus.Gauge
	sweeps                                       prometheus.Counter
}

// NewMetrics registers the pool's metrics; a nil registerer counts for nobody.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	f := promauto.With(registerer)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "tenantry", Subsystem: "worker", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Namespace: "tenantry", Subsystem: "worker", Name: name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: name, Help: help,
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18),
		})
	}
	return &Metrics{
		upkeep:    newUpkeep(registerer),
		turns:     counter("turns_total", "Turns given to tenants."),
		published: counter("published_total", "Events that everybody took the first time."),
		retries:   counter("retries_total", "Attempts of deliveries that failed before."),
		dead:      counter("dead_total", "Deliveries given up until an operator replays them."),
		stale:     counter("stale_writes_total", "Write-backs that changed nothing because somebody else had."),
		lost:      counter("leases_lost_total", "Leases that another process took, or that ran out."),
		sweeps:    counter("sweep_rounds_total", "Completed looks into all tenants."),
		abandoned: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "abandoned_total",
			Help: "Calls of handlers that ignored their deadline and were left behind.",
		}, []string{"handler"}),
		turnSeconds: histogram("turn_seconds", "Time that a turn used."),
		waitSeconds: histogram("turn_wait_seconds", "Time that a tenant with work waited for its turn."),
		publishSeconds: histogram("publish_seconds",
			"Time from an event's commit to its completion, for those that everybody took the first time."),
		held:          gauge("leases_held", "Tenants that this process publishes for."),
		waiting:       gauge("tenants_waiting", "Tenants that wait for their turn."),
		oldestSeconds: gauge("oldest_unpublished_seconds", "Age of the oldest unpublished event that the last sweep saw in any tenant."),

		destinations: newDestinationMetrics(f),
	}
}
