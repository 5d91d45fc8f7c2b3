package bench

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/workers"
)

// The names of what is measured.
const (
	bareDrain      = "drain: bare pgx loop"
	noopDrain      = "drain: pool, no-op handler"
	jetStreamDrain = "drain: pool to JetStream"
	pgbenchWrites  = "write: pgbench, same SQL"
	postWrites     = "write: POST /v1/users"
	latencyP50     = "latency: commit to acknowledged, p50"
	latencyP99     = "latency: commit to acknowledged, p99"
	behindP50      = "latency: the same behind a neighbour's backlog, p50"
	behindP99      = "latency: the same behind a neighbour's backlog, p99"
)

// ackWait is as long as the program itself waits for the broker.
const ackWait = 5 * time.Second

func noop() []workers.Handler {
	return []workers.Handler{{
		Name: "noop", Events: []string{"*"}, External: func(context.Context, workers.Event) error { return nil },
	}}
}

// drainRound drains the same backlog three times: by the bare loop, by the pool with a no-op handler
// and a broker that takes everything, and by the pool to JetStream.
func (p plan) drainRound(ctx context.Context, w *world, r *report) error {
	steps := []struct {
		name, beside string
		measure      func() (float64, error)
	}{
		{bareDrain, "", func() (float64, error) { return w.bareLoop(ctx) }},
		{noopDrain, bareDrain, func() (float64, error) { return w.drain(ctx, accepting{}, noop()) }},
		{jetStreamDrain, bareDrain, func() (float64, error) {
			return w.drain(ctx, outbox.NewJetStream(w.conn, w.js, ackWait, func() {}), nil)
		}},
	}
	for _, step := range steps {
		if err := w.reset(ctx, p.events, p.events); err != nil {
			return err
		}
		rate, err := step.measure()
		if err != nil {
			return err
		}
		r.add(step.name, "events/s", step.beside, p.tenants, rate)
	}
	return nil
}

// writeRound writes users with pgbench and through the API, one after the other.
func (p plan) writeRound(ctx context.Context, w *world, r *report) error {
	rate, err := w.pgbench(ctx, p.duration)
	if err != nil {
		return err
	}
	r.add(pgbenchWrites, "tx/s", "", p.tenants, rate)
	if rate, err = w.postUsers(ctx, p.duration); err != nil {
		return err
	}
	r.add(postWrites, "requests/s", pgbenchWrites, p.tenants, rate)
	return nil
}

// latencyRound commits at a steady rate while the pool publishes to JetStream: first with nothing else
// to do, then while one tenant has a backlog that outlasts the measurement, and its writers are others.
func (p plan) latencyRound(ctx context.Context, w *world, r *report) error {
	if err := w.reset(ctx, 0, 0); err != nil {
		return err
	}
	times, err := w.latencies(ctx, w.tenants, p.rate, p.duration)
	if err != nil {
		return err
	}
	r.add(latencyP50, "ms", "", p.tenants, percentile(times, 0.5))
	r.add(latencyP99, "ms", "", p.tenants, percentile(times, 0.99))
	if len(w.tenants) == 1 {
		return nil
	}
	if err := w.fill(ctx, w.tenants[0].SchemaName, 0, p.neighbour); err != nil {
		return err
	}
	times, err = w.latencies(ctx, w.tenants[1:], behindRate, p.duration)
	if err != nil {
		return err
	}
	left, err := w.backlog(ctx, w.tenants[0])
	if err != nil {
		return err
	}
	r.add(behindP50, "ms", "", p.tenants, percentile(times, 0.5))
	r.add(behindP99, "ms", "", p.tenants, percentile(times, 0.99))
	r.add("the neighbour's backlog at the end", "events", "", 0, float64(left))
	return nil
}

// behindRate is how many events a second the others commit beside a backlog.
const behindRate = 50

func invalid(flag, format string, args ...any) error {
	return fault.New(fault.Invalid, "flag", "--"+flag+" "+format, args...)
}
