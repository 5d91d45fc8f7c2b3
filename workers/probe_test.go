package workers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// TestThoseWhoWaitAreWokenInTurnsWhileADestinationIsAway has nobody come back by himself.
func TestThoseWhoWaitAreWokenInTurnsWhileADestinationIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, woken := newTestHolds(t, func(id string) bool { return id != "gone" })
		d := h.destinations["one"]
		require.NoError(t, h.enter("one", "prober"))
		require.True(t, d.answered(t.Context(), Outage(nil)))
		for _, id := range []string{"gone", "second", "prober"} {
			require.ErrorIs(t, h.enter("one", id), errAway)
		}
		require.ErrorIs(t, h.enter("other", "third"), errAway)

		seen := map[string]int{}
		for range 6 {
			id := <-woken
			seen[id]++
			for _, handler := range []string{"one", "other"} {
				if id == "third" == (handler == "other") {
					require.NoError(t, h.enter(handler, id), "it is worth a try")
					require.True(t, d.answered(t.Context(), Outage(nil)))
					h.join(handler, id)
				}
			}
		}
		require.Equal(t, 3, seen["third"], "the handlers take turns: %v", seen)
		require.Positive(t, seen["second"])
		require.Positive(t, seen["prober"])

		require.NoError(t, h.enter("one", <-woken))
		require.False(t, d.answered(t.Context(), nil))
		synctest.Wait()
		require.NotEmpty(t, woken, "everybody is woken")
	})
}

// TestWhoIsWokenAndTriesNothingKeepsNobodyWaiting: the next one is woken soon, and the last one ends it.
func TestWhoIsWokenAndTriesNothingKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, woken := newTestHolds(t, func(string) bool { return true })
		d := h.destinations["one"]
		require.NoError(t, h.enter("one", "first"))
		require.True(t, d.answered(t.Context(), Outage(nil)))
		began := time.Now()
		for _, id := range []string{"a", "b", "c", "d"} {
			h.join("one", id)
		}
		for range 4 {
			<-woken
		}
		require.Less(t, time.Since(began), 2*time.Second, "the pause and three parts of it")
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
		require.Empty(t, woken)
		d.mu.Lock()
		defer d.mu.Unlock()
		require.Nil(t, d.timer, "nothing goes on when nobody waits")
	})
}

// newTestHolds are of two handlers of one destination. It returns whom they wake.
func newTestHolds(t *testing.T, can func(id string) bool) (h *holds, woken chan string) {
	t.Helper()
	config := Config{BreakerDelay: time.Second}.WithDefaults()
	handler := func(name string) Handler {
		return Handler{Name: name, Destination: "service", Events: []string{"*"}, External: func(context.Context, Event) error { return nil }}
	}
	calls, err := newCalls(config, nil, []Handler{handler("one"), handler("other")}, NewMetrics(nil))
	require.NoError(t, err)
	woken = make(chan string, 100)
	return newHolds(config, calls, NewMetrics(nil), func(id string) bool {
		if can(id) {
			woken <- id
		}
		return can(id)
	}), woken
}

func TestAPlaceGoesToTheFirstWhoCanCome(t *testing.T) {
	t.Parallel()
	h, woken := newTestHolds(t, func(id string) bool { return id == "held" })
	for _, id := range []string{"lost", "paused", "held", "later"} {
		h.waiting["one"].join(id)
	}
	h.placeFree("one")
	require.Equal(t, "held", <-woken)
	require.True(t, h.waiting["one"].has("later"))
}

// TestAnEventThatFindsItsDestinationAwayAloneComesLessOften: a destination that is away for all is asked at
// full speed, whatever the age of what waits.
func TestAnEventThatFindsItsDestinationAwayAloneComesLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := 0
		d := newTestDestination(&back)
		require.True(t, d.answered(t.Context(), Outage(nil)))
		require.LessOrEqual(t, d.postponement(time.Hour), time.Second)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		require.True(t, d.try())
		require.False(t, d.answered(t.Context(), nil))
		require.LessOrEqual(t, d.postponement(0), time.Second, "it began to wait after that")
		require.GreaterOrEqual(t, d.postponement(40*time.Second), 5*time.Second)
		require.LessOrEqual(t, d.postponement(40*time.Second), 10*time.Second)
		require.LessOrEqual(t, d.postponement(time.Hour), time.Minute)
	})
}

// TestADestinationIsToldOfAsItIs has the news of two changes come in the wrong order.
func TestADestinationIsToldOfAsItIs(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	d := newDestination("service", Config{}.WithDefaults(), NewMetrics(registry))
	away := func() (value float64) {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if family.GetName() == "tenantry_worker_destination_away" {
				value = family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return value
	}
	d.changed(circuitbreaker.StateChangedEvent{OldState: circuitbreaker.ClosedState, NewState: circuitbreaker.OpenState})
	require.InDelta(t, 0, away(), 0, "it is not away any more")
	d.breaker.Open()
	require.InDelta(t, 1, away(), 0)
	d.changed(circuitbreaker.StateChangedEvent{OldState: circuitbreaker.HalfOpenState, NewState: circuitbreaker.ClosedState})
	require.InDelta(t, 1, away(), 0, "it is away again")
	d.breaker.Close()
	require.InDelta(t, 0, away(), 0)
}
