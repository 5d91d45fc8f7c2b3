package workers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// scraped is a metric as a scraper gets it: a gauge, or a histogram.
type scraped struct {
	labels  []string
	value   float64
	sum     float64
	count   uint64
	buckets map[float64]uint64
}

// family is a metric with all its labels.
func (m meter) family(t *testing.T, name string) (all []scraped) {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "tenantry_worker_"+name {
			continue
		}
		for _, metric := range family.GetMetric() {
			one := scraped{value: metric.GetGauge().GetValue(), buckets: map[float64]uint64{}}
			for _, label := range metric.GetLabel() {
				one.labels = append(one.labels, label.GetName())
			}
			histogram := metric.GetHistogram()
			one.sum, one.count = histogram.GetSampleSum(), histogram.GetSampleCount()
			for _, bucket := range histogram.GetBucket() {
				one.buckets[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
			}
			all = append(all, one)
		}
	}
	return all
}

func TestTheMetricsShowTheBacklogsOfAllTenants(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(6)
	l.execf(`update dispatch.tenants set paused = true`)
	l.fill(all[0], 5, 1)
	l.fill(all[1], 200, 1)
	l.execf(`update %s.outbox_messages set created_at = created_at - interval '1 hour'`, all[0].SchemaName)
	metrics := newMeter()
	config := fast()
	config.LeaseTTL = 300 * time.Millisecond
	l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})

	eventually(t, func() bool {
		backlog := metrics.family(t, "tenant_backlog")[0]
		return backlog.count == 6 && backlog.sum == 205
	}, "the tenants without a backlog count, too")
	backlog, age := metrics.family(t, "tenant_backlog")[0], metrics.family(t, "tenant_oldest_unpublished_seconds")[0]
	require.EqualValues(t, 4, backlog.buckets[0])
	require.EqualValues(t, 5, backlog.buckets[10])
	require.EqualValues(t, 6, backlog.buckets[1000])
	require.EqualValues(t, 4, age.buckets[0])
	require.EqualValues(t, 5, age.buckets[300])
	require.EqualValues(t, 6, age.count)

	top := metrics.family(t, "top_backlog")
	require.Len(t, top, 5, "as many ranks as ever, however many tenants")
	for rank, want := range []float64{200, 5, 0, 0, 0} {
		require.Equal(t, []string{"rank"}, top[rank].labels)
		require.InDelta(t, want, top[rank].value, 0)
	}
	ages := metrics.family(t, "top_oldest_unpublished_seconds")
	require.GreaterOrEqual(t, ages[0].value, 3600.0)
	require.Less(t, ages[1].value, 300.0)
}

// TestATenantThatIsNotVisitedShowsUp locks a tenant's tables, so that no sweep can look into them.
func TestATenantThatIsNotVisitedShowsUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	locked := l.tenants(3)[0]
	metrics := newMeter()
	config := fast()
	config.LeaseTTL, config.SweepRound = 900*time.Millisecond, 700*time.Millisecond
	l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})
	unvisited := func() float64 { return metrics.value(t, "tenants_not_visited_in_time") }
	// A heartbeat comes after each third of the leases' time; several are waited for.
	beat := func() string { return l.text(`select max(seen_at)::text from dispatch.workers`) }
	beats := func(n int) {
		for range n {
			before := beat()
			eventually(t, func() bool { return beat() != before })
			require.LessOrEqual(t, unvisited(), 1.0)
		}
	}
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") > 2 })
	beats(3)
	require.Zero(t, unvisited())

	tx, err := l.superuser.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // it is over already
	_, err = tx.Exec(t.Context(), `lock table `+locked.SchemaName+`.outbox_messages in access exclusive mode`)
	require.NoError(t, err)
	eventually(t, func() bool { return unvisited() == 1 }, "a tenant that nobody can look into is an alert")
	require.NoError(t, tx.Rollback(t.Context()))
	eventually(t, func() bool { return unvisited() == 0 })
}
