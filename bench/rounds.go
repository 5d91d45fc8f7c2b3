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

func invalid(flag, format string, args ...any) error {
	return fault.New(fault.Invalid, "flag", "--"+flag+" "+format, args...)
}
