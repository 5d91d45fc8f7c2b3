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
			round := time.Duration(chunks) * p.sweepPause(chunks)
			require.InDelta(t, bound.Seconds(), round.Seconds(), bound.Seconds()/9, "%d tenants", tenants)
		}
	}
}
