package workers

import (
	"context"
	"errors"
	"slices"
	"time"
)

// publish sends the batch to the broker: its messages, and the deliveries that the broker refused
// before. It returns the jobs that go on, and whether the broker is away.
func (r *turn) publish(ctx context.Context, batch Batch) (jobs []*job, outage bool) {
	pending, events := r.sendable(batch)
	errs, tried := make([]error, len(events)), attempt{startedAt: time.Now()}
	if len(events) > 0 {
		errs, outage = r.send(ctx, events)
		tried.took = time.Since(tried.startedAt)
	}
	for i, j := range pending {
		j.sent, j.sendErr = true, errs[i]
	}
	for _, j := range r.jobs(batch, pending) {
		if j.sent && (errors.Is(j.sendErr, ErrOutage) || ctx.Err() != nil) {
			continue // stays as it is; no attempt is spent
		}
		tried.err = j.sendErr
		r.judgeBroker(j, tried)
		jobs = append(jobs, j)
	}
	return jobs, outage
}

// sendable are the jobs that go to the broker, with their events, in order.
func (r *turn) sendable(batch Batch) (pending []*job, events []Event) {
	most := len(batch.Deliveries) + len(batch.Messages)
	jobs := make([]job, 0, most) // one piece of memory for all of them
	pending, events = make([]*job, 0, most), make([]Event, 0, most)
	add := func(j job) {
		jobs = append(jobs, j)
		last := &jobs[len(jobs)-1]
		pending, events = append(pending, last), append(events, *last.event())
	}
	for i := range batch.Deliveries {
		if batch.Deliveries[i].Handler == BrokerName {
			add(job{delivery: &batch.Deliveries[i]})
		}
	}
	for i := range batch.Messages {
		if m := &batch.Messages[i]; !behindBroker(m) {
			add(job{message: m})
		}
	}
	return pending, events
}

func behindBroker(m *Message) bool {
	return slices.Contains(m.Open, BrokerName) || slices.Contains(m.Dead, BrokerName)
}

// jobs are all jobs of a batch in order, those of pending as they are there.
func (r *turn) jobs(batch Batch, pending []*job) []*job {
	all := make([]*job, 0, len(batch.Deliveries)+len(batch.Messages))
	next := 0
	for i := range batch.Deliveries {
		d := &batch.Deliveries[i]
		if next < len(pending) && pending[next].delivery == d {
			all = append(all, pending[next])
			next++
			continue
		}
		all = append(all, &job{delivery: d})
	}
	for i := range batch.Messages {
		m := &batch.Messages[i]
		if next < len(pending) && pending[next].message == m {
			all = append(all, pending[next])
			next++
			continue
		}
		all = append(all, &job{message: m, parked: []Verdict{{Handler: BrokerName, NextAttemptAt: time.Now()}}})
	}
	return all
}

// send publishes under the broker's breaker: after an outage nobody tries for a moment, and then one does.
func (r *turn) send(ctx context.Context, events []Event) (errs []error, outage bool) {
	broker := r.pool.holds.broker
	if !broker.try() {
		errs = make([]error, len(events))
		for i := range errs {
			errs[i] = ErrOutage
		}
		r.comeBack(time.Now().Add(r.pool.config.BreakerDelay))
		return errs, true
	}
	errs = r.pool.publisher.Publish(ctx, events)
	outage = slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, ErrOutage) })
	if !outage {
		broker.answered(ctx, nil)
		return errs, false
	}
	broker.answered(ctx, ErrOutage)
	if ctx.Err() == nil {
		r.comeBack(time.Now().Add(r.pool.config.BreakerDelay))
	}
	return errs, true
}

// judgeBroker parks what the broker refused, and what waits behind it.
func (r *turn) judgeBroker(j *job, tried attempt) {
	broker := &Handler{Name: BrokerName, Retry: r.pool.config.Retry}
	if j.delivery != nil {
		if j.delivery.Handler == BrokerName {
			j.failure = r.judge(broker, j.delivery.Attempts, tried)
			j.done = true
		}
		return
	}
	switch {
	case tried.err == nil:
	case errors.Is(tried.err, ErrBehind):
		j.parked = append(j.parked, Verdict{Handler: BrokerName, NextAttemptAt: time.Now()})
	default:
		j.parked = append(j.parked, *r.judge(broker, 0, tried))
	}
}
