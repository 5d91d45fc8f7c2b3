package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestHandlersThatHangOnEverySlotHoldUpNobodyElse lets one tenant, which is alone at first and so has the
// whole pool, hang on all of its slots.
func TestHandlersThatHangOnEverySlotHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	sick, well := l.tenant(), l.tenant()
	l.fill(sick, 8, 8)
	release := make(chan struct{})
	defer close(release)
	var hanging atomic.Int64
	hangs := func(_ context.Context, e workers.Event) error {
		if e.TenantID == sick.ID {
			hanging.Add(1)
			<-release
		}
		return nil
	}
	config, broker := fast(), &recorder{}
	config.Slots = 2
	l.run(config, workers.Parts{Publisher: broker, Handlers: []workers.Handler{
		{Name: "first", Events: []string{"*"}, Timeout: time.Minute, MaxConcurrent: 2, External: hangs},
		{Name: "second", Events: []string{"*"}, Timeout: time.Minute, MaxConcurrent: 2, External: hangs},
	}})
	require.Eventually(t, func() bool { return hanging.Load() == 2 }, patience, time.Millisecond, "both slots hang")
	l.fill(well, 1, 1)
	require.Eventually(t, func() bool { return len(broker.of(well)) == 1 }, patience/3, time.Millisecond,
		"the other tenant is served long before the handlers' time is over")
}

// TestATenantUsesNoMoreThanItsSlots bounds what one tenant may borrow while it is alone.
func TestATenantUsesNoMoreThanItsSlots(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 60, 20)
	var running, most atomic.Int64
	config := fast()
	config.Slots, config.TenantSlots, config.Quantum = 8, 3, time.Second
	l.run(config, workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{{
		Name: "counts", Events: []string{"*"}, MaxConcurrent: 8, External: func(ctx context.Context, _ workers.Event) error {
			now := running.Add(1)
			defer running.Add(-1)
			for before := most.Load(); now > before; before = most.Load() {
				most.CompareAndSwap(before, now)
			}
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		},
	}}})
	l.settled(tenant)
	require.Equal(t, int64(3), most.Load())
}
