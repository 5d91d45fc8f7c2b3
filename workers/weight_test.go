package workers_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// stopwatch is a source that measures what its tenants use of a slot: from the reading of a batch to the
// end of its completion.
type stopwatch struct {
	workers.Source

	mu    sync.Mutex
	began map[string]time.Time
	used  map[string]time.Duration
	done  map[string]int
}

func (s *stopwatch) Read(ctx context.Context, lease workers.Lease, want workers.Want) (workers.Batch, error) {
	s.mu.Lock()
	s.began[lease.Placement.TenantID] = time.Now()
	s.mu.Unlock()
	return s.Source.Read(ctx, lease, want)
}

func (s *stopwatch) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (int, error) {
	stale, err := s.Source.Complete(ctx, lease, outcomes, retried)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[lease.Placement.TenantID] += time.Since(s.began[lease.Placement.TenantID])
	s.done[lease.Placement.TenantID] += len(outcomes)
	return stale, err
}

func (s *stopwatch) read(tenantID string) (used time.Duration, done int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used[tenantID], s.done[tenantID]
}

// TestAHeavierTenantGetsMoreTime lets two tenants with backlog share one slot, with handlers that take
// the same time for each event.
func TestAHeavierTenantGetsMoreTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	light, heavy := l.tenant(), l.tenant()
	l.execf(`update dispatch.tenants set weight = 4 where tenant_id = '%s'`, heavy.ID)
	l.fill(light, 6000, 6000)
	l.fill(heavy, 6000, 6000)
	watch := &stopwatch{Source: l.source, began: map[string]time.Time{}, used: map[string]time.Duration{}, done: map[string]int{}}
	config, ear := deaf(), newMegaphone()
	config.Slots = 1
	l.run(config, workers.Parts{
		Source: watch, Hints: ear,
		Publisher: publisherFunc(func(_ context.Context, events []workers.Event) []error { return make([]error, len(events)) }),
		Handlers: []workers.Handler{{Name: "steady", Events: []string{"*"}, External: func(ctx context.Context, _ workers.Event) error {
			pause, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			<-pause.Done()
			return nil
		}}},
	})
	// The first batches are read before it is known what an event takes; that debt is paid first.
	eventually(t, func() bool { used, _ := watch.read(heavy.ID); return used > time.Second })
	lightBefore, lightEvents := watch.read(light.ID)
	heavyBefore, heavyEvents := watch.read(heavy.ID)
	eventually(t, func() bool { used, _ := watch.read(heavy.ID); return used > heavyBefore+2*time.Second })
	lightUsed, lightDone := watch.read(light.ID)
	heavyUsed, heavyDone := watch.read(heavy.ID)
	ratio := float64(heavyUsed-heavyBefore) / float64(lightUsed-lightBefore)
	t.Logf("a tenant of weight 4 got %.2f times the time of one of weight 1, and %.2f times the events",
		ratio, float64(heavyDone-heavyEvents)/float64(lightDone-lightEvents))
	require.Positive(t, l.withStatus(light, "unpublished"))
	require.Positive(t, l.withStatus(heavy, "unpublished"))
	require.InDelta(t, 4, ratio, 1)
}
