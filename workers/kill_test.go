package workers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	// killsEach is how often a worker is killed at each point.
	killsEach = 20
	// killLimit bounds the killing; 60 processes take a while on a busy machine.
	killLimit = 2 * time.Minute
)

// TestAWorkerKilledAnywhereLosesAndRepeatsNothing runs three worker processes side by side, each to be
// killed at its own point and then followed by another, while they drain 20 tenants of 1,000 events.
func TestAWorkerKilledAnywhereLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(20)
	for _, tenant := range all {
		l.fill(tenant, 1000, 25)
	}
	l.countable(all...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	began := time.Now()

	var duplicates atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), killLimit)
	defer cancel()
	hunters, ctx := errgroup.WithContext(ctx)
	hits := make([]int, 3)
	for i, at := range []point{read, acknowledged, completed} {
		dice := rand.New(rand.NewPCG(seed, uint64(i)))
		hunters.Go(func() (err error) {
			hits[i], err = l.killAt(ctx, at, dice, &duplicates)
			return err
		})
	}
	require.NoError(t, hunters.Wait())
	left := 0
	for _, tenant := range all {
		left += l.withStatus(tenant, "unpublished")
	}
	t.Logf("killed %d times when read, %d when acknowledged, %d when completed, in %s; %d of 20000 events were left",
		hits[0], hits[1], hits[2], time.Since(began), left)
	require.Positive(t, left, "the last kills hit a drain that was under way")

	last, err := l.startWorker(t.Context(), orders{LeaseTTL: time.Second, BatchSize: 500})
	require.NoError(t, err)
	for _, tenant := range all {
		l.settled(tenant)
	}
	last.stop(t)
	t.Logf("drained after %s; the broker dropped %d repeats", time.Since(began), duplicates.Load()+last.duplicates.Load())
	require.Positive(t, duplicates.Load()+last.duplicates.Load(), "what was acknowledged and not completed was sent again")
	l.requireStream(all...)
	l.requireEffects(all...)
	for _, tenant := range all {
		require.Equal(t, 1000, l.withStatus(tenant, "published"))
		require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	}
}

// killAt starts one worker process after the other, each of which dies at a random hit of the point.
func (l *lab) killAt(ctx context.Context, at point, dice *rand.Rand, duplicates *atomic.Int64) (hits int, err error) {
	for ; hits < killsEach; hits++ {
		process, err := l.startWorker(ctx, orders{
			LeaseTTL: 300 * time.Millisecond, BatchSize: 50, Point: at, Hit: 1 + dice.Int64N(4),
		})
		if err != nil {
			return hits, err
		}
		select {
		case <-process.ended:
		case <-ctx.Done():
			return hits, fmt.Errorf("killed %d times when %s: %w", hits, at, ctx.Err())
		}
		if err := process.killed(); err != nil {
			return hits, err
		}
		duplicates.Add(process.duplicates.Load())
	}
	return hits, nil
}
