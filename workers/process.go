package workers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// busyPause is when an event is tried again whose handler had no place free.
const busyPause = time.Second

// processed is what became of a batch.
type processed struct {
	outcomes []Outcome
	retried  []Retried
	outage   bool // the broker was away: some messages stay unpublished
}

// chain names what keeps its order: the events of one aggregate for one handler.
type chain struct{ aggregateType, aggregateID, handler string }

// job is one message or one delivery on its way.
type job struct {
	message  *Message
	delivery *Delivery
	parked   []Verdict // what did not take the message, so far
	failure  *Verdict  // why the delivery failed
	done     bool
}

// process hands every event to the broker and to its handlers. It starts with the broker, so that an
// event which cannot be sent is not handled over and over while the broker is away.
func (r *turn) process(ctx context.Context, batch Batch) processed {
	jobs, outage := r.publish(ctx, batch)
	began := time.Now()
	r.runLanes(ctx, lanes(r.toCall(jobs)))

	done := processed{outage: outage}
	defer func() { r.learn(time.Since(began), len(done.outcomes)+len(done.retried)) }()
	for _, j := range jobs {
		switch {
		case !j.done: // the turn was over before its handlers were called
		case j.message != nil:
			done.outcomes = append(done.outcomes, Outcome{
				Seq: j.message.Seq, LockVersion: j.message.LockVersion, Event: &j.message.Event, Parked: j.parked,
			})
		default:
			done.retried = append(done.retried, Retried{Delivery: *j.delivery, Failure: j.failure})
		}
	}
	return done
}

// toCall are the jobs that a handler is called for. The others are done when the broker has answered.
func (r *turn) toCall(jobs []*job) []*job {
	var calling []*job
	for _, j := range jobs {
		switch {
		case j.message != nil && len(r.pool.calls.of(j.message.Name)) == 0:
			j.done = true
		case j.delivery != nil && j.delivery.Handler == BrokerName: // publish has tried it
		default:
			calling = append(calling, j)
		}
	}
	return calling
}

// lanes groups jobs by aggregate: within a lane they go one after the other, the lanes side by side.
func lanes(jobs []*job) [][]*job {
	var all [][]*job
	index := make(map[[2]string]int, len(jobs))
	for _, j := range jobs {
		e := j.event()
		key := [2]string{e.AggregateType, e.AggregateID}
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], j)
	}
	return all
}

func (j *job) event() *Event {
	if j.message != nil {
		return &j.message.Event
	}
	return &j.delivery.Event
}

// runLanes works through the lanes on this slot, and on borrowed ones while nobody else waits.
func (r *turn) runLanes(ctx context.Context, all [][]*job) {
	var next atomic.Int64
	take := func() bool {
		i := int(next.Add(1)) - 1
		if i >= len(all) {
			return false
		}
		blocked := make(map[chain]bool)
		for n, j := range all[i] {
			if i+n > 0 && r.over(ctx) {
				return false // what is left of the lane stays as it is
			}
			r.handle(ctx, j, blocked)
		}
		return true
	}
	var borrowed sync.WaitGroup
	for range len(all) - 1 {
		if !r.pool.borrow() {
			break
		}
		borrowed.Go(func() {
			defer r.pool.giveBack()
			began := time.Now()
			for take() && !r.pool.othersWait() { //nolint:revive // the condition is the work
			}
			r.lent.Add(int64(time.Since(began)))
		})
	}
	for take() {
	}
	borrowed.Wait()
}

// handle finishes one job. The chains that are blocked in this batch hold back what comes after.
func (r *turn) handle(ctx context.Context, j *job, blocked map[chain]bool) {
	if j.delivery != nil {
		r.retry(ctx, j)
		return
	}
	for _, h := range r.pool.calls.of(j.message.Name) {
		c := chain{j.message.AggregateType, j.message.AggregateID, h.Name}
		if v := r.attempt(ctx, h, j.message, blocked[c]); v != nil {
			j.parked = append(j.parked, *v)
			blocked[c] = !v.Dead || !h.ContinueAfterDead
		}
		if ctx.Err() != nil {
			return // what a cancelled call answers says nothing about the event
		}
	}
	j.done = true
}

// attempt calls a handler unless an earlier event of the chain stands in the way.
func (r *turn) attempt(ctx context.Context, h Handler, m *Message, blocked bool) *Verdict {
	now := time.Now()
	if blocked || slices.Contains(m.Open, h.Name) || (slices.Contains(m.Dead, h.Name) && !h.ContinueAfterDead) {
		return &Verdict{Handler: h.Name, NextAttemptAt: now, PassDead: h.ContinueAfterDead}
	}
	return r.judge(h, 0, r.call(ctx, h, m.Event))
}

// call runs a handler. One that had no place free is not waited for again in this turn.
func (r *turn) call(ctx context.Context, h Handler, event Event) error {
	if _, busy := r.busy.Load(h.Name); busy {
		return errBusy
	}
	err := r.pool.calls.call(ctx, r.lease, h, event)
	if errors.Is(err, errBusy) {
		r.busy.Store(h.Name, true)
	}
	return err
}

// retry tries a delivery again, at the handler or at the broker.
func (r *turn) retry(ctx context.Context, j *job) {
	h, ok := r.pool.calls.byName[j.delivery.Handler]
	if !ok {
		j.failure = r.orphan(j.delivery)
		j.done = true
		return
	}
	err := r.call(ctx, h, j.delivery.Event)
	if ctx.Err() != nil {
		return
	}
	j.failure = r.judge(h, j.delivery.Attempts, err)
	j.done = true
}

// orphan is the end of a delivery whose handler is not in this program any more.
func (r *turn) orphan(d *Delivery) *Verdict {
	return &Verdict{
		Handler: d.Handler, Dead: true, Attempts: d.Attempts, NextAttemptAt: time.Now(),
		Error: "no handler of this name is registered; skip it, or deploy the handler and replay",
	}
}

// judge turns an attempt's error into a verdict; nil when it succeeded.
func (r *turn) judge(h Handler, attempts int, err error) *Verdict {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errBusy):
		return &Verdict{
			Handler: h.Name, Attempts: attempts, NextAttemptAt: time.Now().Add(busyPause),
			Error: errBusy.Error(), PassDead: h.ContinueAfterDead,
		}
	default:
		v := r.pool.config.Retry.verdict(h, attempts+1, time.Now(), err)
		return &v
	}
}
