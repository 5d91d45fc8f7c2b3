package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// emptySource answers slowly, and has nothing.
type emptySource struct {
	workers.Source

	reads atomic.Int64
}

func (s *emptySource) Read(ctx context.Context, _ workers.Lease, _ workers.Want) (workers.Batch, error) {
	s.reads.Add(1)
	timer := time.NewTimer(15 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return workers.Batch{}, ctx.Err()
	case <-timer.C:
		return workers.Batch{}, nil
	}
}

func TestATenantWithNothingToDoIsLeftAloneHoweverSlowTheDatabaseIs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.fill(l.tenant(), 1, 1) // so that the first sweep wakes it
	source := &emptySource{Source: l.source}
	config := fast()
	config.Quantum = 10 * time.Millisecond
	config.SweepPauseMin, config.SweepPauseMax = time.Hour, time.Hour
	l.run(config, workers.Parts{Source: source, Publisher: &recorder{}})
	require.Eventually(t, func() bool { return source.reads.Load() > 0 }, 10*time.Second, time.Millisecond)
	require.Never(t, func() bool { return source.reads.Load() > 6 }, time.Second, 20*time.Millisecond)
}
