package simulate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The bound and the shares hold for thousands of tenants, whatever the seed.
func TestNobodyWaitsBeyondTheBoundAndAllGetTheirShare(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10, 100, 1000, 2000} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%d backlogs, seed %d", n, seed), func(t *testing.T) {
				t.Parallel()
				r := Run(Mixed(n, seed), Fair)
				require.Equal(t, 1000, r.Single.Events)
				require.LessOrEqual(t, r.Single.Longest, r.Bound)
				require.LessOrEqual(t, r.Single.P99, 50*time.Millisecond, "however many backlogs there are")
				require.GreaterOrEqual(t, r.JainWorst, 0.99, "in every window of ten rounds")
			})
		}
	}
}

// The same load without the schedule: what the bound is worth.
func TestOthersMakeSingleEventsWaitForTheBacklogs(t *testing.T) {
	t.Parallel()
	load := Mixed(1000, 1)
	fair := Run(load, Fair)
	counted, fifo := Run(load, RoundRobin), Run(load, FIFO)
	require.Greater(t, counted.Single.P50, 100*fair.Single.P50)
	require.Less(t, counted.JainMedian, 0.5, "the dearest have the time")
	require.Equal(t, fifo.Single.Events, fifo.Single.Unserved, "the backlogs came first")
	require.Greater(t, fifo.Single.P50, load.Time/4)
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	t.Parallel()
	for _, policy := range Policies() {
		first, second := Run(Mixed(50, 7), policy), Run(Mixed(50, 7), policy)
		require.Equal(t, first, second)
		require.NotEqual(t, first, Run(Mixed(50, 8), policy))
	}
}

func TestNothingToDoIsNoResult(t *testing.T) {
	t.Parallel()
	r := Run(Load{}, Fair)
	require.Zero(t, r.Single.Events+r.Casual.Events+r.Windows+r.MostActive)
}

// Jain's index of what is known: one of two has all in the first window that counts, and three quarters in the other.
func TestJainsIndexOfAnUnfairWindow(t *testing.T) {
	t.Parallel()
	load := Load{Backlogged: 2, Slots: 1, Quantum: time.Second, Time: 60 * time.Second}.WithDefaults()
	m := newMeasured(load)
	a, b := &tenant{endless: true}, &tenant{endless: true}
	m.batch(a, 20*time.Second, 20*time.Second)
	m.batch(b, 40*time.Second, 5*time.Second)
	m.batch(a, 45*time.Second, 15*time.Second)
	require.Equal(t, 20*time.Second, m.window)
	require.Equal(t, []time.Duration{0, 20 * time.Second, 15 * time.Second}, a.served)
	require.InDeltaSlice(t, []float64{0.5, 400.0 / (2 * (25 + 225))}, m.indices([]*tenant{a, b}), 1e-9)
}
