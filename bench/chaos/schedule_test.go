package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheSameSeedMakesTheSameSchedule(t *testing.T) {
	t.Parallel()
	first := Schedule(7, time.Minute, time.Second, 2*time.Second)
	require.Equal(t, first, Schedule(7, time.Minute, time.Second, 2*time.Second))
	require.NotEqual(t, first, Schedule(8, time.Minute, time.Second, 2*time.Second))
}

func TestEveryKindComesEquallyOftenAndInTime(t *testing.T) {
	t.Parallel()
	for _, duration := range []time.Duration{time.Second, 20 * time.Second, 10 * time.Minute} {
		faults := Schedule(3, duration, 2*time.Second, 2*time.Second)
		require.True(t, slices.IsSortedFunc(faults, func(a, b Fault) int { return int(a.At - b.At) }))
		require.LessOrEqual(t, faults[len(faults)-1].At, duration)
		times := map[Kind]int{}
		for _, f := range faults {
			times[f.Kind]++
			if f.Kind == FreezeWorker {
				require.Greater(t, f.For, 2*time.Second, "longer than a lease")
			}
		}
		least := len(faults) / len(Kinds())
		for _, kind := range Kinds() {
			require.GreaterOrEqual(t, times[kind], max(least, 1), kind)
			require.LessOrEqual(t, times[kind], least+1, kind)
		}
	}
}
