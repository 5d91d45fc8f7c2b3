package workers

import (
	"errors"
	"slices"
	"time"
)

// attempt is what came of one call. The error alone is set when the call was not made.
type attempt struct {
	startedAt time.Time
	took      time.Duration
	err       error
}

// attempt calls a handler unless an earlier event of the chain stands in the way.
func (r *turn) attempt(k *caller, h *Handler, m *Message, blocked bool) *Verdict {
	if blocked || slices.Contains(m.Open, h.Name) || (slices.Contains(m.Dead, h.Name) && !h.ContinueAfterDead) {
		return &Verdict{Handler: h.Name, NextAttemptAt: time.Now(), PassDead: h.ContinueAfterDead}
	}
	return r.judge(h, 0, r.call(k, h, &m.Event))
}

// call runs a handler, unless it is held. One that had no place free is not waited for again: the tenant
// is woken when there is one.
func (r *turn) call(k *caller, h *Handler, event *Event) attempt {
	tenantID := r.lease.Placement.TenantID
	if err := r.pool.holds.enter(h.Name, tenantID); err != nil {
		return attempt{err: err}
	}
	tried := attempt{startedAt: time.Now()}
	tried.err = k.call(h, event)
	tried.took = time.Since(tried.startedAt)
	if r.pool.holds.destinations[h.Name].answered(k.turn, tried.err) {
		r.pool.holds.join(h.Name, tenantID) // at the end: the next try is another tenant's
	}
	if !errors.Is(tried.err, errBusy) {
		return tried
	}
	r.pool.holds.awaitPlace(h.Name, tenantID)
	return attempt{err: errBusy}
}

// retry tries a delivery again. One that cannot be tried now stays as it is, and due. One whose destination
// was away is put off, so that the next try is another event's.
func (r *turn) retry(k *caller, j *job) {
	h, ok := r.pool.calls.byName[j.delivery.Handler]
	if !ok {
		j.failure = r.orphan(j.delivery)
		j.done = true
		return
	}
	tried := r.call(k, h, &j.delivery.Event)
	if k.turn.Err() != nil || noAttempt(tried.err) && !errors.Is(tried.err, ErrOutage) {
		return
	}
	if j.failure = r.judge(h, j.delivery.Attempts, tried); errors.Is(tried.err, ErrOutage) {
		j.failure.NextAttemptAt = time.Now().Add(r.pool.holds.destinations[h.Name].postponement(j.delivery.Age))
	}
	j.done = true
}

// orphan is for a delivery whose handler is not in this program: it may be in a newer one that is being
// deployed at the moment, so it waits for long before it is given up.
func (r *turn) orphan(d *Delivery) *Verdict {
	v := &Verdict{
		Handler: d.Handler, Attempts: d.Attempts, NextAttemptAt: time.Now().Add(r.pool.config.OrphanPause),
		Error: "no handler of this name is registered in the worker; waiting for one that knows it",
	}
	known := r.pool.orphans.knownFor(orphanKey{r.lease.Placement.TenantID, d.Handler}, time.Now())
	if min(d.Age, known) >= r.pool.config.OrphanLimit {
		v.Dead = true
		v.Error = "no handler of this name is registered; skip it, or deploy the handler and replay"
	}
	return v
}

// judge turns an attempt into a verdict; nil when it succeeded.
func (r *turn) judge(h *Handler, attempts int, tried attempt) *Verdict {
	switch {
	case tried.err == nil:
		return nil
	case noAttempt(tried.err):
		return r.untried(h, attempts, tried.err)
	default:
		v := h.Retry.verdict(h, attempts+1, tried)
		return &v
	}
}

// untried is for an event that spends no attempt. What was called and is away is put off; what was not called
// is due, and the tenant is woken when it can be.
func (r *turn) untried(h *Handler, attempts int, err error) *Verdict {
	v := &Verdict{
		Handler: h.Name, Attempts: attempts, NextAttemptAt: time.Now(), Error: errorText(err),
		PassDead: h.ContinueAfterDead, held: true,
	}
	if errors.Is(err, ErrOutage) {
		v.NextAttemptAt, v.held = v.NextAttemptAt.Add(r.pool.config.BreakerDelay), false
	}
	return v
}
