package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantry/tenantry/workers"
)

const (
	// bareConns is how many connections a baseline uses.
	bareConns = 8
	// bareApplication is what PostgreSQL calls these.
	bareApplication = "bench-baseline"
	// bareBatch is how many events it reads at once.
	bareBatch = 500
	// pollPause is how long a baseline that found nothing waits before it looks again.
	pollPause = time.Second
)

// naive is what the baselines have in common: they read, deliver and complete a tenant's events with plain
// SQL and no leases, and take neither their turns nor a failure into account.
type naive struct {
	pool   *pgxpool.Pool
	target target
}

// bare opens connections for a baseline.
func (w *world) bare(ctx context.Context) (*pgxpool.Pool, error) {
	config := w.owner.Config().Copy()
	config.MaxConns = bareConns
	config.ConnConfig.RuntimeParams["application_name"] = bareApplication
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open a baseline's pool: %w", err)
	}
	return pool, nil
}

// read takes the head of a tenant's queue, an event by its key each.
func (n *naive) read(ctx context.Context, t tenant) ([]workers.Event, error) {
	sql := fmt.Sprintf(`select m.seq, e.id::text, e.name, e.aggregate_type, e.aggregate_id::text, e.aggregate_version,
			e.actor_id, e.request_id, e.data::text, e.created_at
		from (select seq from %[1]s.outbox_messages where status = 'unpublished' order by seq limit %[2]d) m
		cross join lateral (select id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at
			from %[1]s.events where events.seq = m.seq limit 1) e order by m.seq`, t.SchemaName, bareBatch)
	rows, err := n.pool.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read a batch: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (workers.Event, error) { //nolint:wrapcheck // it says what it is
		e := workers.Event{TenantID: t.ID, TenantSlug: t.Slug}
		var data string
		err := row.Scan(&e.Seq, &e.ID, &e.Name, &e.AggregateType, &e.AggregateID, &e.AggregateVersion,
			&e.ActorID, &e.RequestID, &data, &e.CreatedAt)
		e.Data = []byte(data)
		return e, err
	})
}

// publish sends events, in their order.
func (n *naive) publish(ctx context.Context, events []workers.Event) error {
	if err := errors.Join(n.target.publisher.Publish(ctx, events)...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// handle calls the handler for each event.
func (n *naive) handle(ctx context.Context, events []workers.Event) error {
	if n.target.handler == nil {
		return nil
	}
	for _, e := range events {
		if err := n.target.handler.External(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// complete marks a tenant's events as published.
func (n *naive) complete(ctx context.Context, schema string, seqs []int64) error {
	sql := fmt.Sprintf(`update %s.outbox_messages m set status = 'published', published_at = now()
		from unnest($1::bigint[]) as v (seq) where m.seq = v.seq`, schema)
	if _, err := n.pool.Exec(ctx, sql, seqs); err != nil {
		return fmt.Errorf("complete a batch: %w", err)
	}
	if n.target.completed != nil {
		n.target.completed(len(seqs))
	}
	return nil
}

func seqsOf(events []workers.Event) []int64 {
	seqs := make([]int64, len(events))
	for i, e := range events {
		seqs[i] = e.Seq
	}
	return seqs
}
