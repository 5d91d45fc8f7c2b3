package workers_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestAPlaceThatIsFreeAgainIsTakenAtOnce has many tenants want a handler that takes one call at a time,
// and no sweep that would bring them back.
func TestAPlaceThatIsFreeAgainIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(8)
	for _, tenant := range all {
		l.fill(tenant, 6, 3)
	}
	s, broker, gate := &service{}, &recorder{}, make(chan struct{})
	narrow := s.handler("narrow")
	take := narrow.External
	narrow.MaxConcurrent = 1
	narrow.External = func(ctx context.Context, e workers.Event) error {
		<-gate
		return take(ctx, e)
	}
	config := deaf()
	config.Slots = 8
	l.run(config, workers.Parts{Publisher: broker, Hints: newMegaphone(), Handlers: []workers.Handler{narrow}})
	eventually(t, func() bool {
		waiting := 0
		for _, tenant := range all {
			waiting += l.count(`select count(*) from %s.deliveries`, tenant.SchemaName)
		}
		return waiting >= 42 // all but those of the tenant that has the place
	})
	for _, tenant := range all {
		require.Zero(t, l.count(`select count(*) from %s.deliveries where next_attempt_at > created_at`, tenant.SchemaName),
			"they wait for the place, and not for a time")
	}
	close(gate)
	for _, tenant := range all {
		l.settled(tenant)
		require.Equal(t, 6, l.withStatus(tenant, "published"))
		require.Zero(t, l.count(`select count(*) from %s.delivery_attempts`, tenant.SchemaName), "waiting is no attempt")
	}
	require.Len(t, s.of("narrow"), 48)
	requireOrder(t, s.of("narrow"))
}

// TestAHandlerThatHangsHoldsUpNoOtherRetry has a handler hang, with more due for it than a batch holds.
func TestAHandlerThatHangsHoldsUpNoOtherRetry(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 100, 100)
	release := make(chan struct{})
	defer close(release)
	var failed sync.Map
	var done atomic.Int64
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{
		{Name: "hangs", Events: []string{"*"}, MaxConcurrent: 1, Timeout: 50 * time.Millisecond, External: func(context.Context, workers.Event) error {
			<-release
			return nil
		}},
		{Name: "works", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			if _, again := failed.LoadOrStore(e.ID, true); !again {
				return errRefused
			}
			done.Add(1)
			return nil
		}},
	}})
	eventually(t, func() bool { return done.Load() == 100 })
}
