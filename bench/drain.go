package bench

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// The drains. Each says whether it writes inbox rows.
const (
	bareDrain          = "drain: bare pgx loop"
	noopDrain          = "drain: pool, no-op handler"
	transactionalDrain = "drain: pool, transactional no-op handler, with inbox rows"
	jetStreamDrain     = "drain: pool to JetStream"
	pollAllDrain       = "drain: poll-all"
	fifoDrain          = "drain: first in, first out"
	idlePollAllDrain   = "drain, 1 % of the tenants active: poll-all"
	idlePoolDrain      = "drain, 1 % of the tenants active: pool"
)

func drainScenario() scenario {
	return scenario{
		name: "drain",
		conditions: func(p plan) []string {
			return []string{
				fmt.Sprintf("each tenant has %d events of about 400 bytes, but all together at most %d, over 1,000 aggregates, "+
					"behind as many published ones; what takes more than %s is not waited for", p.events, p.eventsTotal, most),
				"no inbox rows are written, but where the name says so: the no-op handler is an external one, the drain to " +
					"JetStream calls none",
				"with inbox rows a tenth of these events",
				"only the drain to JetStream publishes to a broker; for the others there is one that takes everything at once",
				"poll-all looks at each tenant with a query of its own, takes at most 500 events and goes on to the next; first " +
					"in, first out merges the tenants' queues by the time of creation",
				"where 1 % of the tenants are active, each of these has the backlog of a drain, and the others nothing",
			}
		},
		round: func(ctx context.Context, l *lab) error {
			for _, d := range drains(l) {
				if err := l.drainOnce(ctx, d); err != nil {
					return fmt.Errorf("%s: %w", d.name, err)
				}
			}
			return l.drainRiver(ctx)
		},
	}
}

// drainCase is one of the drains that are measured side by side.
type drainCase struct {
	name, beside string
	publish      way
	target       target
	among        []tenant
	// part of the backlog is enough for what is far slower; 0 and 1 mean all of it.
	part int
}

func drains(l *lab) []drainCase {
	noop := target{publisher: accepting{}, handler: external(nothing)}
	plain := target{publisher: accepting{}}
	active := l.tenants[:max(len(l.tenants)/100, 1)]
	return []drainCase{
		{bareDrain, "", bareLoop, plain, l.tenants, 1},
		{noopDrain, bareDrain, pool, noop, l.tenants, 1},
		{transactionalDrain, bareDrain, pool, target{publisher: accepting{}, handler: transactional()}, l.tenants, 10},
		{jetStreamDrain, bareDrain, pool, target{publisher: l.jetStream()}, l.tenants, 1},
		{pollAllDrain, bareDrain, pollAll, noop, l.tenants, 1},
		{fifoDrain, bareDrain, firstInFirstOut, noop, l.tenants, 1},
		{idlePollAllDrain, "", pollAll, noop, active, 1},
		{idlePoolDrain, idlePollAllDrain, pool, noop, active, 1},
	}
}

func (l *lab) drainOnce(ctx context.Context, d drainCase) error {
	each := max(l.plan.backlog(len(d.among))/max(d.part, 1), 1)
	if err := l.reset(ctx, d.among, each, each); err != nil {
		return err
	}
	rate, err := l.drain(ctx, d.publish, d.target, each*len(d.among))
	if err != nil {
		return err
	}
	l.compare(d.name, "events/s", d.beside, rate)
	return nil
}

// drainRiver lets River work as much, on the same server.
func (l *lab) drainRiver(ctx context.Context) error {
	rate, condition, err := measureRiver(ctx, l.owner, l.postgres.URL("postgres", riverDatabase), l.plan.eventsTotal)
	if err != nil {
		return err
	}
	l.report.condition("drain: " + condition)
	if rate > 0 {
		l.compare(riverDrain, "jobs/s", noopDrain, rate)
	}
	return nil
}

// transactional is a handler whose every call is a transaction with an inbox row.
func transactional() *workers.Handler {
	return &workers.Handler{
		Name: "transactional", Events: []string{"*"}, MaxConcurrent: manyCalls,
		Transactional: func(context.Context, *tenants.Tx, workers.Event) error { return nil },
	}
}
