package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/workers"
)

// candidate is a way to tell the workers that a tenant has work.
type candidate struct {
	name string
	// hints is how the pool learns of it; nil leaves it to the sweep.
	hints workers.Hints
	// signal is a statement in the writer's transaction; its only argument is the tenant's id.
	signal string
	// after is called when the writer has committed.
	after func(tenantID string)
}

// candidates begin with the one that the others are compared to, and end with the program's own.
func (l *lab) candidates() []candidate {
	return []candidate{
		{name: sweepAlone},
		{name: "signal rows", hints: &signalRows{world: l.world}, signal: "insert into bench.signals (tenant_id) values ($1)"},
		{name: "hints", hints: l.hints, after: l.hints.Touch},
	}
}

const sweepAlone = "sweep alone"

// signalTable is what the candidate that is not ours writes into; it is shared by all tenants.
const signalTable = `set client_min_messages = warning;
	create schema if not exists bench;
	create table if not exists bench.signals (id bigint generated always as identity primary key, tenant_id uuid not null);
	grant usage on schema bench to public;
	grant insert on bench.signals to public`

// signalEvery is how often the signals are looked for.
const signalEvery = 5 * time.Millisecond

// signalRows are hints that stand in a table: the commit that needs one writes it. They exist here only.
type signalRows struct{ world *world }

// Subscribe implements workers.Hints. It looks for signals until stop.
func (s *signalRows) Subscribe(onHint func(workers.Hint)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	looking.Go(func() {
		for sleepUntil(ctx, time.Now().Add(signalEvery)) == nil {
			if ids, err := s.take(ctx); err == nil && len(ids) > 0 {
				onHint(workers.Hint{TenantIDs: ids})
			}
		}
	})
	return func() {
		cancel()
		looking.Wait()
	}, nil
}

// take empties the table.
func (s *signalRows) take(ctx context.Context) ([]string, error) {
	rows, err := s.world.owner.Query(ctx, "with taken as (delete from bench.signals returning tenant_id) select distinct "+
		"tenant_id::text from taken")
	if err != nil {
		return nil, fmt.Errorf("look for signals: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string]) //nolint:wrapcheck // it says what it is
}

// Announce implements workers.Hints: there is no other worker to tell.
func (s *signalRows) Announce(workers.Hint) {}
