package workers

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

const (
	// postponeParts is the part of its age for which an event is put off that finds its destination away
	// while others get through, and postponeMost bounds it: it is the event that its handler takes for an
	// outage, and it must not keep the others from going through.
	postponeParts = 4
	postponeMost  = time.Minute
	// wakeParts is the part of the pause after an outage after which the next one is woken, unless somebody
	// tries: who was woken may have nothing to try any more.
	wakeParts = 10
)

// destination is where events go, the broker or what a handler calls, and a breaker in front of it: after
// an outage nobody tries for a moment, and then one does.
type destination struct {
	name    string
	config  Config
	metrics *Metrics
	breaker circuitbreaker.CircuitBreaker[any]
	// onBack is called when calls are let through again; onWorthATry when one is that somebody waits for,
	// and reports whether anybody did.
	onBack      func()
	onWorthATry func() bool

	mu     sync.Mutex
	told   bool      // that it is away
	backAt time.Time // when it came back last
	timer  *time.Timer
}

// newDestination makes one that tells the log and the metrics once when it goes away and once when it is
// back, however many calls notice.
func newDestination(name string, config Config, metrics *Metrics) *destination {
	metrics.destinations.away.WithLabelValues(name).Set(0)
	d := &destination{
		name: name, config: config, metrics: metrics,
		onBack: func() {}, onWorthATry: func() bool { return false },
	}
	d.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(1).WithDelay(config.BreakerDelay).WithSuccessThreshold(1).
		OnStateChanged(d.changed).Build()
	return d
}

// changed tells of the state as it is now: of two changes at the same time the later one may be heard first.
func (d *destination) changed(change circuitbreaker.StateChangedEvent) {
	d.mu.Lock()
	away := !d.breaker.IsClosed()
	if change.NewState == circuitbreaker.ClosedState {
		d.backAt = time.Now()
	}
	switch {
	case away && !d.told:
		d.metrics.destinations.away.WithLabelValues(d.name).Set(1)
		d.metrics.destinations.outages.WithLabelValues(d.name).Inc()
		d.config.Log.Warn("a destination is away; what it should get waits, and no attempt is spent",
			slog.String("destination", d.name))
	case !away && d.told:
		d.metrics.destinations.away.WithLabelValues(d.name).Set(0)
		d.config.Log.Info("a destination is back", slog.String("destination", d.name))
	}
	d.told = away
	d.mu.Unlock()
	if change.NewState == circuitbreaker.ClosedState {
		d.onBack()
	}
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

// answered notes what came of a call, and reports whether the destination is away. Whatever is neither an
// outage nor silence is an answer of the destination, also when it is no good one. A call that was cancelled,
// or got no answer in its time, or was not made for want of a place, tells nothing, and only makes room for
// the next one that tries.
func (d *destination) answered(ctx context.Context, err error) (away bool) {
	unknown := err != nil && (ctx.Err() != nil || errors.Is(err, errBusy) || isSilence(err))
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

// isSilence reports whether a call came to no end in its time.
func isSilence(err error) bool {
	return errors.Is(err, errAbandoned) || errors.Is(err, context.DeadlineExceeded)
}

// awaited sees to it that those who wait are woken one after the other while the destination is away, the
// next one whenever it is worth a try. When nobody waits any more, that ends.
func (d *destination) awaited() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.breaker.IsClosed() {
		d.arm()
	}
}

// arm is called with the lock held.
func (d *destination) arm() {
	if d.timer == nil {
		d.timer = time.AfterFunc(max(d.breaker.RemainingDelay(), d.config.BreakerDelay/wakeParts), d.wakeNext)
	}
}

func (d *destination) wakeNext() {
	d.mu.Lock()
	d.timer = nil
	d.mu.Unlock()
	if d.breaker.IsClosed() {
		return // all were woken
	}
	if d.away() || d.onWorthATry() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.arm()
	}
}

// postponement is for how long an event of some age is put off that found the destination away: for the
// pause that all make, unless the destination was back since the event waits. Then it is rather the event's
// doing, and it comes less often the longer it goes on.
func (d *destination) postponement(age time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := d.config.BreakerDelay
	if !d.backAt.IsZero() && time.Since(d.backAt) < age {
		wait = min(max(age/postponeParts, wait), max(postponeMost, wait))
	}
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // jitter needs no secrecy
}
