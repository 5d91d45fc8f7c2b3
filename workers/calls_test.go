package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestAHandlerHasNoMoreCallsRunningThanItMay lets many tenants want a handler that takes one at a time.
func TestAHandlerHasNoMoreCallsRunningThanItMay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(4)
	for _, tenant := range all {
		l.fill(tenant, 10, 5)
	}
	var running, most, calls atomic.Int64
	config := fast()
	config.Slots = 8
	broker := &recorder{}
	l.run(config, workers.Parts{Publisher: broker, Handlers: []workers.Handler{{
		Name: "narrow", Events: []string{"*"}, MaxConcurrent: 1, External: func(ctx context.Context, _ workers.Event) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			calls.Add(1)
			pause, cancel := context.WithTimeout(ctx, 15*time.Millisecond)
			defer cancel()
			<-pause.Done()
			return nil
		},
	}}})
	eventually(t, func() bool { return len(broker.taken()) == 40 }, "the broker gets what the handler has no place for")
	for _, tenant := range all {
		l.settled(tenant)
		require.Equal(t, 10, l.withStatus(tenant, "published"))
		require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	}
	require.EqualValues(t, 1, most.Load())
	require.EqualValues(t, 40, calls.Load(), "waiting for a place is no attempt")
}

func TestAPanicIsTheHandlersFailure(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 3, 3)
	broker, metrics := &recorder{}, newMeter()
	l.run(fast(), workers.Parts{
		Publisher: broker, Metrics: workers.NewMetrics(metrics.registry),
		Handlers: []workers.Handler{{Name: "panics", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			if e.Seq == 2 {
				panic("a defect")
			}
			return nil
		}}},
	})
	eventually(t, func() bool { return l.withStatus(tenant, "failed") == 1 && l.withStatus(tenant, "published") == 2 })
	require.Equal(t, "workers: handler panics panicked: a defect", l.text(`select last_error from %s.deliveries`, tenant.SchemaName))
	require.Equal(t, 3, l.count(`select attempts from %s.deliveries`, tenant.SchemaName))
	require.Len(t, broker.of(tenant), 3)
	require.InDelta(t, 1, metrics.value(t, "dead_total"), 0)
	require.InDelta(t, 2, metrics.value(t, "retries_total"), 0)
	require.InDelta(t, 2, metrics.value(t, "published_total"), 0)
	require.Positive(t, metrics.value(t, "turns_total"))
	require.InDelta(t, metrics.value(t, "turns_total"), metrics.value(t, "turn_seconds"), 0)
}

func TestAHandlerThatIgnoresItsDeadlineIsCountedAndNamed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 1, 1)
	release := make(chan struct{})
	defer close(release)
	metrics := newMeter()
	config := fast()
	config.Retry.MaxAttempts = 1
	l.run(config, workers.Parts{
		Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry),
		Handlers: []workers.Handler{
			{Name: "deaf", Events: []string{"*"}, Timeout: 20 * time.Millisecond, External: func(context.Context, workers.Event) error {
				<-release
				return nil
			}},
			{Name: "late", Events: []string{"*"}, Timeout: 20 * time.Millisecond, External: func(ctx context.Context, _ workers.Event) error {
				<-ctx.Done()
				return ctx.Err()
			}},
		},
	})
	eventually(t, func() bool { return l.withStatus(tenant, "failed") == 1 })
	require.Equal(t, "workers: the handler ignored its deadline and was left behind",
		l.text(`select last_error from %s.deliveries where handler = 'deaf'`, tenant.SchemaName))
	require.Equal(t, "context deadline exceeded", l.text(`select last_error from %s.deliveries where handler = 'late'`, tenant.SchemaName))
	families, err := metrics.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "tenantry_worker_abandoned_total" {
			require.Len(t, family.GetMetric(), 1, "who noticed was not abandoned")
			require.Equal(t, "deaf", family.GetMetric()[0].GetLabel()[0].GetValue())
			require.InDelta(t, 1, family.GetMetric()[0].GetCounter().GetValue(), 0)
		}
	}
	require.InDelta(t, 1, metrics.value(t, "abandoned_total"), 0)
}

func TestADeliveryWhoseHandlerIsGoneTellsTheOperatorWhatToDo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 2, 2)
	handler := workers.Handler{Name: "old", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
		if e.Seq == 1 {
			return context.DeadlineExceeded
		}
		return nil
	}}
	config := fast()
	config.Retry = workers.RetryPolicy{MaxAttempts: 100, Base: 100 * time.Millisecond, Factor: 1.1, Max: 100 * time.Millisecond}
	stop := l.run(config, workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{handler}})
	eventually(t, func() bool { return l.withStatus(tenant, "retrying") == 1 && l.withStatus(tenant, "published") == 1 })
	stop()
	attempts := l.count(`select attempts from %s.deliveries`, tenant.SchemaName)

	config.OrphanPause = 20 * time.Millisecond
	stop = l.run(config, workers.Parts{Publisher: &recorder{}}) // a program without that handler
	eventually(t, func() bool {
		return l.count(`select count(*) from %s.deliveries where last_error like '%%waiting for one that knows it'`, tenant.SchemaName) == 1
	})
	stop()
	require.Equal(t, 1, l.withStatus(tenant, "retrying"), "a newer program may know it")

	config.OrphanLimit = time.Nanosecond // it was parked long ago
	stop = l.run(config, workers.Parts{Publisher: &recorder{}})
	eventually(t, func() bool { return l.withStatus(tenant, "failed") == 1 })
	stop()
	require.Equal(t, "no handler of this name is registered; skip it, or deploy the handler and replay",
		l.text(`select last_error from %s.deliveries where status = 'failed'`, tenant.SchemaName))
	require.Equal(t, attempts, l.count(`select attempts from %s.deliveries`, tenant.SchemaName), "nothing was tried")
}
