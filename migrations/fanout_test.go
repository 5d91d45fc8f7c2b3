package migrations_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/migrations"
)

func jobs(count int, run func(ctx context.Context, i int) error) []migrations.Job {
	all := make([]migrations.Job, count)
	for i := range all {
		all[i] = migrations.Job{Name: strconv.Itoa(i), Run: func(ctx context.Context) error { return run(ctx, i) }}
	}
	return all
}

func TestFanOutKeepsItsBound(t *testing.T) {
	t.Parallel()
	var running, done atomic.Int32
	full := make(chan struct{})
	failures, err := migrations.FanOut{Parallel: 3}.Run(t.Context(), jobs(30, func(context.Context, int) error {
		now := running.Add(1)
		if now > 3 {
			t.Error("more than three at a time")
		}
		if done.Add(1) == 3 {
			close(full)
		}
		<-full // the first three wait for each other, which proves that they are parallel
		running.Add(-1)
		return nil
	}))
	require.NoError(t, err)
	require.Empty(t, failures)
	require.Equal(t, int32(30), done.Load())
}

func TestFanOutIsolatesFailures(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var last migrations.Progress
	reports := 0
	fanOut := migrations.FanOut{Progress: func(p migrations.Progress) { reports, last = reports+1, p }}
	failures, err := fanOut.Run(t.Context(), jobs(10, func(_ context.Context, i int) error {
		switch i {
		case 3:
			return broken
		case 6:
			panic("worse")
		default:
			return nil
		}
	}))
	require.NoError(t, err)
	require.Len(t, failures, 2)
	require.Equal(t, 10, reports)
	require.Equal(t, []int{10, 2, 10}, []int{last.Done, last.Failed, last.Total})
}

func TestFanOutStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int32
	_, err := migrations.FanOut{Parallel: 2}.Run(ctx, jobs(100, func(ctx context.Context, _ int) error {
		begun.Add(1)
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}))
	require.ErrorIs(t, err, context.Canceled)
	require.LessOrEqual(t, begun.Load(), int32(4))
}

func TestFanOutOfNothing(t *testing.T) {
	t.Parallel()
	failures, err := migrations.FanOut{}.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, failures)
}
