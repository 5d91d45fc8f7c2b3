package workers

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

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

	sent    bool  // to the broker, which answered with sendErr
	sendErr error // nil when it was acknowledged
}

// process hands every event to the broker and to its handlers. It starts with the broker, so that an
// event which cannot be sent is not handled over and over while the broker is away.
func (r *turn) process(ctx context.Context, batch Batch) processed {
	timing := r.timing
	timing.AttemptedAt = time.Now()
	jobs, outage := r.publish(ctx, batch)
	began := time.Now()
	r.runLanes(ctx, lanes(r.toCall(jobs)))

	done := processed{outage: outage}
	done.outcomes = make([]Outcome, 0, len(jobs))
	defer func() { r.learn(time.Since(began), len(done.outcomes)+len(done.retried)) }()
	for _, j := range jobs {
		switch {
		case !j.done: // the turn was over before its handlers were called
		case j.message != nil:
			done.outcomes = append(done.outcomes, Outcome{
				Seq: j.message.Seq, LockVersion: j.message.LockVersion, Event: &j.message.Event, Parked: j.parked, Timing: &timing,
			})
		default:
			done.retried = append(done.retried, Retried{
				Delivery: *j.delivery, Failure: j.failure, PassDead: r.pool.calls.passesDead(j.delivery.Handler),
			})
		}
	}
	return done
}

// toCall are the jobs that a handler is called for. The others are done when the broker has answered.
func (r *turn) toCall(jobs []*job) []*job {
	calling := make([]*job, 0, len(jobs))
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
	if len(all) == 0 {
		return
	}
	var next atomic.Int64
	take := func(k *caller) bool { //nolint:contextcheck // the caller has it
		i := int(next.Add(1)) - 1
		return i < len(all) && r.runLane(k, all[i], i == 0)
	}
	var borrowed sync.WaitGroup
	for range min(len(all), r.pool.config.TenantSlots) - 1 {
		if !r.pool.borrow() {
			break
		}
		borrowed.Go(func() {
			defer r.pool.giveBack()
			k := r.pool.calls.newCaller(ctx, r.lease)
			defer k.close()
			began := time.Now()
			for take(k) && !r.pool.othersWait() { //nolint:revive // the condition is the work
			}
			r.lent.Add(int64(time.Since(began)))
		})
	}
	k := r.pool.calls.newCaller(ctx, r.lease)
	defer k.close()
	for take(k) {
	}
	borrowed.Wait()
}

// runLane handles the jobs of one aggregate, and reports whether there is time for another lane. Each turn
// does at least the first job of its first lane.
func (r *turn) runLane(k *caller, lane []*job, first bool) bool {
	blocked := make(map[chain]bool)
	for n, j := range lane {
		if (!first || n > 0) && r.over(k.turn) {
			return false // what is left of the lane stays as it is
		}
		r.handle(k, j, blocked)
	}
	return true
}

// handle finishes one job. The chains that are blocked in this batch hold back what comes after.
func (r *turn) handle(k *caller, j *job, blocked map[chain]bool) {
	if j.delivery != nil {
		r.retry(k, j)
		return
	}
	for _, h := range r.pool.calls.of(j.message.Name) {
		c := chain{j.message.AggregateType, j.message.AggregateID, h.Name}
		if v := r.attempt(k, h, j.message, blocked[c]); v != nil {
			j.parked = append(j.parked, *v)
			blocked[c] = !v.Dead || !h.ContinueAfterDead
		}
		if k.turn.Err() != nil {
			return // what a cancelled call answers says nothing about the event
		}
	}
	j.done = true
}
