package workers

import (
	"context"
	"errors"
	"log/slog"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// destination is where events go, the broker or what a handler calls, and a breaker in front of it: after
// an outage nobody tries for a moment, and then one does.
type destination struct {
	name    string
	breaker circuitbreaker.CircuitBreaker[any]
}

// newDestination makes one that tells the log and the metrics once when it goes away and once when it is
// back, however many calls notice. It calls onBack when it lets calls through again.
func newDestination(name string, config Config, metrics *Metrics, onBack func()) *destination {
	metrics.destinations.away.WithLabelValues(name).Set(0)
	tell := func(change circuitbreaker.StateChangedEvent) {
		switch {
		case change.NewState == circuitbreaker.ClosedState:
			metrics.destinations.away.WithLabelValues(name).Set(0)
			config.Log.Info("a destination is back", "destination", name)
			onBack()
		case change.OldState == circuitbreaker.ClosedState:
			metrics.destinations.away.WithLabelValues(name).Set(1)
			metrics.destinations.outages.WithLabelValues(name).Inc()
			config.Log.Warn("a destination is away; what it should get waits, and no attempt is spent",
				slog.String("destination", name))
		}
	}
	return &destination{name: name, breaker: circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(1).WithDelay(config.BreakerDelay).WithSuccessThreshold(1).
		OnStateChanged(tell).Build()}
}

// away reports whether the destination is not worth a try now: it was away a moment ago, or somebody is
// trying it.
func (d *destination) away() bool {
	switch d.breaker.State() {
	case circuitbreaker.ClosedState:
		return false
	case circuitbreaker.HalfOpenState:
		return true
	default:
		return d.breaker.RemainingDelay() > 0
	}
}

// try asks for the permission of one call. Whoever has it says afterwards what came of it.
func (d *destination) try() bool { return d.breaker.TryAcquirePermit() }

// answered notes what came of a call, and reports whether the destination is away. Whatever is not an
// outage is an answer of the destination, also when it is no good one. A call that was cancelled, or that
// was not made for want of a place, tells nothing, and only makes room for the next one that tries.
func (d *destination) answered(ctx context.Context, err error) (away bool) {
	unknown := err != nil && (ctx.Err() != nil || errors.Is(err, errBusy))
	bad := unknown || errors.Is(err, ErrOutage)
	switch closed := d.breaker.IsClosed(); {
	case closed && (unknown || !bad): // the usual case, which changes nothing
		return false
	case bad:
		d.breaker.RecordFailure()
	default:
		d.breaker.RecordSuccess()
	}
	return bad
}
