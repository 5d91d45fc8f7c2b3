package outbox

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// readChains tells of some aggregates which handlers have an earlier event to take: one to try again, or a
// dead one. It looks after the messages were read, so it may see more than there was then, and what it does
// not see any more has been taken.
const readChains = `
	select a.type, a.id, d.handler, bool_or(d.status <> 'failed'), bool_or(d.status = 'failed')
	from unnest($1::text[], $2::uuid[]) as a (type, id)
	join deliveries d on d.aggregate_type = a.type and d.aggregate_id = a.id
	group by a.type, a.id, d.handler`

// aggregateKey names an aggregate of a tenant.
type aggregateKey struct{ kind, id string }

func keyOf(e *workers.Event) aggregateKey { return aggregateKey{e.AggregateType, e.AggregateID} }

// readChains notes with each message behind which handlers' deliveries it waits.
func (s *Source) readChains(ctx context.Context, lease workers.Lease, messages []workers.Message) error {
	of := make(map[aggregateKey][]*workers.Message)
	var kinds, ids []string
	for i := range messages {
		key := keyOf(&messages[i].Event)
		if of[key] == nil {
			kinds, ids = append(kinds, key.kind), append(ids, key.id)
		}
		of[key] = append(of[key], &messages[i])
	}
	return s.cluster.Scope(lease.Placement).Pipeline(ctx, tenants.Statement{
		SQL: readChains, Args: []any{kinds, ids}, Binary: true,
		Read: func(rows pgx.Rows) error { return scanChains(rows, of) },
	})
}

func scanChains(rows pgx.Rows, of map[aggregateKey][]*workers.Message) error {
	var kind, handler string
	var id uuid.UUID
	var open, dead bool
	for rows.Next() {
		if err := rows.Scan(&kind, (*[16]byte)(&id), &handler, &open, &dead); err != nil {
			return err
		}
		for _, m := range of[aggregateKey{kind, id.String()}] {
			if open {
				m.Open = append(m.Open, handler)
			}
			if dead {
				m.Dead = append(m.Dead, handler)
			}
		}
	}
	return nil
}
