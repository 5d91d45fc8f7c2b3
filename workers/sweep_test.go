package workers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestARoundOfTheSweepTakesTheConfiguredTime: that is the bound for a commit whose hint is lost.
func TestARoundOfTheSweepTakesTheConfiguredTime(t *testing.T) {
	t.Parallel()
	p := &Pool{config: Config{}.WithDefaults()}
	for tenants, bound := range map[int]time.Duration{
		10: 2 * time.Second, 200: 2 * time.Second, 1000: 10 * time.Second, 3000: 30 * time.Second, 10_000: 30 * time.Second,
		20_000: 50 * time.Second,
	} {
		chunks := (tenants + p.config.SweepChunk - 1) / p.config.SweepChunk
		for range 20 {
			whole := time.Duration(chunks) * p.sweepPause(round{chunks: chunks})
			require.InDelta(t, bound.Seconds(), whole.Seconds(), bound.Seconds()/9, "%d tenants", tenants)
		}
	}
}

// TestASweepKeepsTheDatabaseBusyForATwentiethOfItsTime makes the looks as slow as cold tables do.
func TestASweepKeepsTheDatabaseBusyForATwentiethOfItsTime(t *testing.T) {
	t.Parallel()
	p := &Pool{config: Config{}.WithDefaults()}
	cold := round{chunks: 50, took: 4 * time.Second}
	require.Equal(t, 80*time.Second, cold.length(p.config))
	require.InDelta(t, 1.6, p.sweepPause(cold).Seconds(), 0.17)
	colder := round{chunks: 50, took: time.Minute}
	require.Equal(t, 100*time.Second, colder.length(p.config), "but no pause is longer than the longest")
}
