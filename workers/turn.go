package workers

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// firstBatch is how many events are read before it is known what one takes, of this tenant or of any.
	firstBatch = 64
	// retryBatch is how many due deliveries are tried in one turn.
	retryBatch = 64
	// overrun is how many quanta a turn may take beyond its budget before it stops calling handlers.
	overrun = 10
)

// turn is the time that one tenant has.
type turn struct {
	pool    *Pool
	lease   Lease
	held    func() bool
	budget  time.Duration
	started time.Time
	timing  Timing
	guess   time.Duration // what an event may cost while it is not known for this tenant
	lent    atomic.Int64  // time used on borrowed slots

	result turnResult
}

// turnResult is what the pool needs to know afterwards.
type turnResult struct {
	worked     bool
	more       bool          // there is more to do at once
	lost       bool          // the lease is gone
	retries    bool          // there may be deliveries to try again now
	comeBackAt time.Time     // when there is more to do later
	cost       time.Duration // of an event's handlers

	retriedLast bool // the last batch was of deliveries
	looked      bool // for due deliveries, since the tenant was woken
}

// newTurn is called with the pool's lock held.
func newTurn(p *Pool, t *tenant, budget time.Duration) *turn {
	now := time.Now()
	return &turn{
		pool: p, guess: p.cost, lease: t.lease, held: t.held, budget: budget, started: now,
		timing: Timing{DiscoveredAt: t.foundAt, QueuedAt: t.readySince, TurnAt: now},
		result: turnResult{retries: t.retries, cost: t.cost, retriedLast: t.retriedLast, looked: t.looked},
	}
}

// used is the time to charge: the turn's own and that of the slots it borrowed.
func (r *turn) used() time.Duration {
	return time.Since(r.started) + time.Duration(r.lent.Load())
}

// run works through the tenant's backlog until the budget is used or nothing is left.
func (r *turn) run(ctx context.Context) turnResult {
	for {
		more, err := r.batch(ctx)
		if err != nil {
			r.failed(ctx, err)
			return r.result
		}
		if !more || ctx.Err() != nil {
			return r.result
		}
		if r.used() >= r.budget {
			r.result.more = true
			return r.result
		}
	}
}

// failed notes why a turn ended early. Nothing is lost: what was not completed is still unpublished.
func (r *turn) failed(ctx context.Context, err error) {
	if errors.Is(err, ErrLeaseLost) {
		r.result.lost = true
		return
	}
	if ctx.Err() != nil {
		return
	}
	r.pool.outage.failed(ctx, "a turn failed; trying again", err, "tenant_id", r.lease.Placement.TenantID)
	r.result.comeBackAt = time.Now().Add(r.pool.config.BreakerDelay)
}

// batch reads, hands over and completes one batch. It reports whether there is more to do at once.
func (r *turn) batch(ctx context.Context) (more bool, err error) {
	want := r.want()
	if want.Messages+want.Deliveries == 0 { // the broker is away, and nothing else is due
		r.comeBack(time.Now().Add(r.pool.config.BreakerDelay))
		return false, nil
	}
	batch, err := r.read(ctx, want)
	if err != nil {
		return false, err
	}
	r.comeBack(batch.NextDue)
	if slices.Contains(want.SkipHandlers, BrokerName) { // nobody wakes those who wait for the broker
		r.comeBack(time.Now().Add(r.pool.config.BreakerDelay))
	}
	r.noteRead(want, batch)
	done, err := r.finish(ctx, batch)
	if err != nil {
		return false, err
	}
	if done.outage && len(done.outcomes)+len(done.retried) == 0 {
		r.result.retries = r.result.retries || want.Deliveries > 0
		return false, nil // send has said when to come back
	}
	return want.Deliveries > 0 || r.result.retries || !done.outage && unfinished(want, batch, done), nil
}

// noteRead tells from what was read whether to look for due deliveries next.
func (r *turn) noteRead(want Want, batch Batch) {
	switch {
	case batch.NoDeliveries: // as of most tenants most of the time: that look is saved
		r.result.looked, r.result.retries = true, false
	case want.Deliveries > 0:
		r.result.looked, r.result.retries = true, len(batch.Deliveries) == want.Deliveries
	case len(batch.Messages) == 0 && !r.result.looked:
		r.result.retries = true // woken, and by no message: an operator's replay is due
	}
}

// unfinished reports whether messages are left, of the batch or behind it.
func unfinished(want Want, batch Batch, done processed) bool {
	return len(done.outcomes) < len(batch.Messages) || want.Messages > 0 && len(batch.Messages) == want.Messages
}

// read and complete are bounded, because a connection that has silently died answers nobody.
func (r *turn) read(ctx context.Context, want Want) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, r.pool.config.LeaseTTL)
	defer cancel()
	return r.pool.source.Read(ctx, r.lease, want)
}

// finish hands a batch over and completes it, unless there is nothing in it.
func (r *turn) finish(ctx context.Context, batch Batch) (done processed, err error) {
	if len(batch.Messages)+len(batch.Deliveries) == 0 {
		return processed{}, nil
	}
	done = r.process(ctx, batch)
	if !r.held() {
		return done, ErrLeaseLost
	}
	r.result.worked = true
	return done, r.complete(ctx, done)
}

// want is what to read: due deliveries and messages in turns, so that neither holds up the other; and
// as much as the budget is worth.
func (r *turn) want() Want {
	most := r.worth()
	away := r.pool.holds.broker.away()
	retry := r.result.retries && (away || !r.result.retriedLast)
	r.result.retriedLast = retry
	switch {
	case retry:
		return Want{Deliveries: min(most, retryBatch), SkipHandlers: r.pool.holds.held(r.lease.Placement.TenantID)}
	case away:
		return Want{}
	default:
		return Want{Messages: min(most, r.pool.config.BatchSize)}
	}
}

// worth is how many events the budget is worth, by what one's handlers took lately. Of a tenant of which
// that is not known, the last one that had a turn is the example.
func (r *turn) worth() int {
	budget := max(r.budget, r.pool.config.Quantum)
	switch {
	case r.result.cost > 0:
		return int(budget/r.result.cost) + 1
	case r.guess > 0:
		return int(budget/r.guess) + 1
	default:
		return firstBatch
	}
}

// learn keeps what the handlers take for an event as a moving average. What a batch costs by itself is
// no part of it: that would make small batches look dear, and so the next one smaller.
func (r *turn) learn(took time.Duration, events int) {
	if events == 0 {
		return
	}
	cost := took / time.Duration(events)
	if r.result.cost > 0 {
		cost = (3*r.result.cost + cost) / 4
	}
	r.result.cost = max(cost, time.Nanosecond)
}

func (r *turn) comeBack(at time.Time) {
	if !at.IsZero() && (r.result.comeBackAt.IsZero() || at.Before(r.result.comeBackAt)) {
		r.result.comeBackAt = at
	}
}

// over reports whether the turn should begin nothing more.
func (r *turn) over(ctx context.Context) bool {
	return ctx.Err() != nil || !r.held() || time.Since(r.started) > r.budget+overrun*r.pool.config.Quantum
}

func (r *turn) complete(ctx context.Context, done processed) error {
	if len(done.outcomes)+len(done.retried) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.pool.config.LeaseTTL)
	defer cancel()
	stale, err := r.pool.source.Complete(ctx, r.lease, done.outcomes, done.retried)
	if err != nil {
		return err
	}
	r.pool.metrics.stale.Add(float64(stale))
	r.observe(done)
	return nil
}

// observe counts what was completed, and notes when the parked deliveries are due.
func (r *turn) observe(done processed) {
	m := r.pool.metrics
	now, published := time.Now(), 0
	for _, o := range done.outcomes {
		if len(o.Parked) == 0 {
			published++
			m.publishSeconds.Observe(now.Sub(o.Event.CreatedAt).Seconds())
		}
		for _, v := range o.Parked {
			r.note(v)
		}
	}
	m.published.Add(float64(published))
	m.retries.Add(float64(len(done.retried)))
	for _, d := range done.retried {
		if d.Failure == nil || d.Failure.Dead && d.Failure.PassDead {
			r.result.retries = true // what waits behind it in its chain is due now
		}
		if d.Failure != nil {
			r.note(*d.Failure)
		}
	}
}

func (r *turn) note(v Verdict) {
	if v.Dead {
		r.pool.metrics.dead.Inc()
		return
	}
	if v.held {
		return
	}
	r.comeBack(v.NextAttemptAt)
}
