package workers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAShortCallThatIgnoresItsDeadlineGivesItsSlotAway: it is waited for longer than its turn lasts.
func TestAShortCallThatIgnoresItsDeadlineGivesItsSlotAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := Config{Quantum: time.Minute, AbandonAfter: time.Hour}.WithDefaults()
		release := make(chan struct{})
		calls, err := newCalls(config, nil, []Handler{{
			Name: "hangs", Events: []string{"*"}, Timeout: time.Second,
			External: func(context.Context, Event) error { <-release; return errors.New("late") },
		}}, NewMetrics(nil))
		require.NoError(t, err)
		given, back := false, false
		calls.onSlow = func() func() { given = true; return func() { back = true } }
		k := calls.newCaller(t.Context(), Lease{})
		defer k.close()
		answer := make(chan error)
		go func() { answer <- k.call(calls.byName["hangs"], &Event{}) }()
		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		require.True(t, given)
		require.False(t, back)
		close(release)
		require.EqualError(t, <-answer, "late")
		require.True(t, back)
	})
}

// readerFunc is a source that is read from.
type readerFunc func(want Want) Batch

func (f readerFunc) Read(_ context.Context, _ Lease, want Want) (Batch, error) { return f(want), nil }

func (readerFunc) Complete(context.Context, Lease, []Outcome, []Retried) (int, error) { return 0, nil }

func (readerFunc) Apply(context.Context, Lease, Handler, Event) error { return nil }

// TestATurnThatLeftTheBrokersDeliveriesComesBack has the broker's pause be over before the turn is: then it
// was for nobody to see that it was away.
func TestATurnThatLeftTheBrokersDeliveriesComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := Config{Quantum: time.Minute}.WithDefaults()
		p := &Pool{config: config, metrics: NewMetrics(nil)}
		calls, err := newCalls(config, nil, nil, p.metrics)
		require.NoError(t, err)
		p.holds = newHolds(config, calls, p.metrics, func(string) bool { return true })
		p.source = readerFunc(func(Want) Batch {
			time.Sleep(config.BreakerDelay) //nolint:forbidigo // the bubble's clock
			return Batch{}
		})
		require.True(t, p.holds.broker.answered(t.Context(), ErrOutage))
		r := &turn{
			pool: p, held: func() bool { return true }, budget: time.Hour, started: time.Now(),
			result: turnResult{retries: true},
		}
		result := r.run(t.Context())
		require.False(t, result.more)
		require.False(t, result.comeBackAt.IsZero())
	})
}
