package workers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// newTestDestination is one that counts how often it came back. It is to be made in a synctest bubble,
// whose clock is the breaker's.
func newTestDestination(back *int) *destination {
	config := Config{BreakerDelay: time.Second}.WithDefaults()
	d := newDestination("service", config, NewMetrics(nil))
	d.onBack = func() { *back++ }
	return d
}

func TestABreakerLetsOneTryAndThenAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := 0
		d := newTestDestination(&back)
		require.False(t, d.away())
		require.True(t, d.try())
		require.False(t, d.answered(t.Context(), errors.New("a bad answer is an answer")))
		require.True(t, d.try())
		require.True(t, d.answered(t.Context(), Outage(nil)))
		require.True(t, d.away())
		require.False(t, d.try())

		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		require.False(t, d.away(), "it is worth a try")
		require.True(t, d.try())
		require.True(t, d.away(), "somebody tries it")
		require.False(t, d.try())
		require.True(t, d.answered(t.Context(), Outage(nil)))
		require.Zero(t, back)

		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		require.True(t, d.try())
		require.False(t, d.answered(t.Context(), nil))
		require.Equal(t, 1, back)
		for range 3 {
			require.True(t, d.try())
		}
	})
}

// TestATryThatTellsNothingMakesRoomForTheNext has a try end without an answer, which must not leave the
// breaker waiting for one.
func TestATryThatTellsNothingMakesRoomForTheNext(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, end := range map[string]func(d *destination) bool{
		"no place": func(d *destination) bool { return d.answered(t.Context(), errBusy) },
		"timed out": func(d *destination) bool {
			return d.answered(t.Context(), fmt.Errorf("get: %w", context.DeadlineExceeded))
		},
		"abandoned": func(d *destination) bool { return d.answered(t.Context(), errAbandoned) },
		"cancelled": func(d *destination) bool { return d.answered(cancelled, context.Canceled) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				back := 0
				d := newTestDestination(&back)
				require.False(t, end(d), "while it is not away, nothing follows")
				require.True(t, d.try())
				require.True(t, d.answered(t.Context(), Outage(nil)))
				time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
				require.True(t, d.try())
				require.True(t, end(d), "whoever tried comes back")
				time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
				require.True(t, d.try())
				require.False(t, d.answered(t.Context(), nil))
				require.Equal(t, 1, back)
			})
		})
	}
}
