package workers

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// destinationMetrics tell which destinations are away. Their label is bounded: destinations are code.
type destinationMetrics struct {
	away    *prometheus.GaugeVec
	outages *prometheus.CounterVec
}

func newDestinationMetrics(f promauto.Factory) destinationMetrics {
	label := []string{"destination"}
	return destinationMetrics{
		away: f.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "destination_away",
			Help: "1 while the broker, or what a handler calls, is away.",
		}, label),
		outages: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "outages_total",
			Help: "How often a destination went away.",
		}, label),
	}
}
