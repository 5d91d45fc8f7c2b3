package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestALongBacklogOfOneAggregateHoldsUpNobody lets a tenant have many events of a single aggregate, whose
// handler is slow: they go one after the other, and still the turn ends when its time is over.
func TestALongBacklogOfOneAggregateHoldsUpNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	slow, quick := l.tenant(), l.tenant()
	l.fill(slow, 60, 1)
	var handled atomic.Int64
	config, ear, broker := deaf(), newMegaphone(), &recorder{}
	config.Slots = 1
	l.run(config, workers.Parts{Publisher: broker, Hints: ear, Handlers: []workers.Handler{{
		Name: "slow", Events: []string{"*"}, External: func(ctx context.Context, e workers.Event) error {
			if e.TenantID != slow.ID {
				return nil
			}
			pause, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			<-pause.Done()
			handled.Add(1)
			return nil
		},
	}}})
	eventually(t, func() bool { return handled.Load() > 0 })
	l.fill(quick, 1, 1)
	ear.tell(quick)
	eventually(t, func() bool { return len(broker.of(quick)) == 1 })
	require.Less(t, handled.Load(), int64(30))
	t.Logf("it was published after %d of 60 events that take 50 ms each", handled.Load())
	l.settled(slow)
	require.EqualValues(t, 60, handled.Load(), "each was handled once")
}
