package workers_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// held is a configuration whose leases outlast the test, unless they are given up.
func held(holder string) workers.Config {
	config := fast()
	config.Holder, config.LeaseTTL = holder, 10*time.Minute
	return config
}

func TestAfterAGracefulStopTheNextPoolGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(4)
	for _, tenant := range all {
		l.fill(tenant, 3000, 100)
	}
	first, second := &recorder{}, &recorder{}
	config := held("first")
	config.BatchSize = 20
	stop := l.run(config, workers.Parts{Publisher: first})
	for _, tenant := range all {
		eventually(t, func() bool { return len(first.of(tenant)) > 0 })
	}
	stop()
	stopped := time.Now()
	for _, tenant := range all {
		require.Empty(t, l.holder(tenant), "the lease is released")
		require.Positive(t, l.withStatus(tenant, "unpublished"), "the drain was under way")
		require.Len(t, first.of(tenant), l.withStatus(tenant, "published"), "what was sent is completed")
	}
	l.run(held("second"), workers.Parts{Publisher: second})
	for _, tenant := range all {
		l.settled(tenant)
	}
	require.Less(t, second.first().Sub(stopped), 2*time.Second)
	t.Logf("the next pool published %s after the stop", second.first().Sub(stopped))
	requireOrder(t, append(first.taken(), second.taken()...))
}

// first is when the first event came.
func (r *recorder) first() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := time.Time{}
	for _, at := range r.times {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func TestAStoppedPoolWakesAnotherOneThatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 5000, 100)
	hints := workers.NewNATSHints(l.conn, l.database)
	first, second := &recorder{}, &recorder{}
	config := held("first")
	config.BatchSize = 20
	stop := l.run(config, workers.Parts{Publisher: first, Hints: hints})
	eventually(t, func() bool { return len(first.of(tenant)) > 0 })

	// The second one looks once, finds the lease taken for long, and looks no more.
	config = held("second")
	config.SweepPauseMin, config.SweepPauseMax = time.Hour, time.Hour
	metrics := newMeter()
	l.run(config, workers.Parts{
		Publisher: second, Hints: workers.NewNATSHints(l.conn, l.database), Metrics: workers.NewMetrics(metrics.registry),
	})
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") == 1 })
	require.Positive(t, l.withStatus(tenant, "unpublished"))
	stop()
	stopped := time.Now()
	l.settled(tenant)
	require.NotEmpty(t, second.taken())
	require.Less(t, second.first().Sub(stopped), 2*time.Second)
	t.Logf("the other pool published %s after the stop", second.first().Sub(stopped))
	requireOrder(t, append(first.taken(), second.taken()...))
}

// TestAGracefulStopTakesNoNewTurnsAndFinishesThoseThatRun stops a pool of one slot while a handler works.
func TestAGracefulStopTakesNoNewTurnsAndFinishesThoseThatRun(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(3)
	for _, tenant := range all {
		l.fill(tenant, 1, 1)
	}
	var mu sync.Mutex
	var turns []string
	working, release := make(chan string, len(all)), make(chan struct{})
	config := held("first")
	config.Slots = 1
	stop := l.run(config, workers.Parts{
		Source: &spy{Source: l.source, afterRead: func(lease workers.Lease, batch workers.Batch) {
			mu.Lock()
			defer mu.Unlock()
			if len(batch.Messages) > 0 {
				turns = append(turns, lease.Placement.TenantID)
			}
		}},
		Publisher: &recorder{},
		Handlers: []workers.Handler{{Name: "slow", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			working <- e.TenantID
			<-release
			return nil
		}}},
	})
	served := <-working
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	require.Never(t, func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	}, 200*time.Millisecond, 20*time.Millisecond, "the stop waits for the handler")
	close(release)
	<-stopped
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{served}, turns, "no new turn was taken")
	for _, tenant := range all {
		if tenant.ID == served {
			require.Equal(t, 1, l.withStatus(tenant, "published"), "its turn was finished")
		} else {
			require.Equal(t, 1, l.withStatus(tenant, "unpublished"))
		}
		require.Empty(t, l.holder(tenant))
	}
}

func TestAStopThatTakesTooLongCancelsTheTurns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 5, 5)
	var cancelled atomic.Int64
	working := make(chan struct{}, 5)
	config := held("first")
	config.ShutdownLimit = 100 * time.Millisecond
	stop := l.run(config, workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{{
		Name: "long", Events: []string{"*"}, Timeout: time.Hour, Transactional: func(ctx context.Context, _ *tenants.Tx, _ workers.Event) error {
			working <- struct{}{}
			<-ctx.Done()
			cancelled.Add(1)
			return ctx.Err()
		},
	}}})
	<-working
	stop()
	require.Positive(t, cancelled.Load())
	require.Empty(t, l.holder(tenant))
	require.Equal(t, 5, l.withStatus(tenant, "unpublished"), "what was cancelled was not tried")
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
}
