package workers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// upkeep counts what is done beside publishing.
type upkeep struct {
	prunedRows    *prometheus.CounterVec
	prunePassed   prometheus.Counter
	pruneSeconds  prometheus.Histogram
	pinnedSeconds prometheus.Gauge
	sweepPassed   prometheus.Counter
}

func newUpkeep(registerer prometheus.Registerer) upkeep {
	f := promauto.With(registerer)
	return upkeep{
		prunedRows: f.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "pruned_rows_total",
			Help: "Rows that retention deleted, by table.",
		}, []string{"table"}),
		prunePassed: f.NewCounter(prometheus.CounterOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "prune_passed_total",
			Help: "Tables of tenants that retention passed over, because they were locked or not there yet.",
		}),
		pruneSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "prune_seconds",
			Help:    "Time that retention took for the tenants of one look.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		sweepPassed: f.NewCounter(prometheus.CounterOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "sweep_passed_total",
			Help: "Tenants that the sweep passed over, because it could not look into them.",
		}),
		pinnedSeconds: f.NewGauge(prometheus.GaugeOpts{
			Namespace: "tenantry", Subsystem: "worker", Name: "pinned_xmin_seconds",
			Help: "Age of the oldest transaction, replica or slot that holds back vacuum; 0 when there is none.",
		}),
	}
}

func (u *upkeep) pruned(done pruned, took time.Duration) {
	u.prunedRows.WithLabelValues("outbox_messages").Add(float64(done.messages))
	u.prunedRows.WithLabelValues("inbox").Add(float64(done.inbox))
	u.prunedRows.WithLabelValues("delivery_attempts").Add(float64(done.attempts))
	u.prunePassed.Add(float64(done.passed))
	u.pruneSeconds.Observe(took.Seconds())
}
