package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/workers"

	"github.com/tenantry/tenantry/tenants"
)

const eventColumns = `e.id, e.name, e.aggregate_type, e.aggregate_id, e.aggregate_version,
	e.actor_id, e.request_id, e.traceparent, e.data, e.created_at`

// eventByKey looks one event up by its key; the limit that follows keeps the planner from joining in
// another way.
const eventByKey = `select id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, traceparent,
	               data, created_at from events where events.seq = `

// readMessages takes the queue's head by the partial index and looks each event up by its key: a merge
// join would begin at the first event ever. It tells whether there are deliveries at all, behind which an
// event may have to wait; most tenants have none, and to plan for them would cost as much as the rest.
const readMessages = `
	select m.seq, m.lock_version, ` + eventColumns + `, exists (select 1 from deliveries)
	from (select seq, lock_version from outbox_messages where status = 'unpublished' order by seq limit $1) m
	cross join lateral (` + eventByKey + `m.seq limit 1) e
	order by m.seq`

const readDeliveries = `
	select d.seq, d.lock_version, d.handler, d.attempts, d.created_at, ` + eventColumns + `
	from (select seq, lock_version, handler, attempts, next_attempt_at, created_at from deliveries
	      where status = 'retrying' and next_attempt_at <= $1 and handler <> all (coalesce($3::text[], '{}'))
	      order by next_attempt_at, seq limit $2) d
	cross join lateral (` + eventByKey + `d.seq limit 1) e
	order by d.seq, d.handler`

const readNextDue = `select next_attempt_at from deliveries
	where status = 'retrying' and next_attempt_at > $1 and handler <> all (coalesce($2::text[], '{}'))
	order by next_attempt_at limit 1`

// Read implements workers.Source in one round trip, or two where there are deliveries.
func (s *Source) Read(ctx context.Context, lease workers.Lease, want workers.Want) (workers.Batch, error) {
	var batch workers.Batch
	var statements []tenants.Statement
	var parked bool
	now := s.cluster.Now()
	if want.Messages > 0 {
		statements = append(statements, tenants.Statement{
			SQL: readMessages, Args: []any{want.Messages}, Binary: true,
			Read: func(rows pgx.Rows) error { return scanMessages(rows, lease, &batch, &parked) },
		})
	}
	if want.Deliveries > 0 {
		statements = append(statements,
			tenants.Statement{
				SQL: readDeliveries, Args: []any{now, want.Deliveries, want.SkipHandlers}, Binary: true,
				Read: func(rows pgx.Rows) error { return scanDeliveries(rows, lease, now, &batch) },
			},
			tenants.Statement{SQL: readNextDue, Args: []any{now, want.SkipHandlers}, Read: func(rows pgx.Rows) error {
				return scanNextDue(rows, now, &batch)
			}})
	}
	err := s.cluster.Scope(lease.Placement).Pipeline(ctx, statements...)
	if err == nil && parked {
		err = s.readChains(ctx, lease, batch.Messages)
	}
	batch.NoDeliveries = len(batch.Messages) > 0 && !parked
	return batch, err
}

func scanMessages(rows pgx.Rows, lease workers.Lease, batch *workers.Batch, parked *bool) error {
	var m workers.Message
	row := newEventRow(lease)
	fields := append([]any{&m.Seq, &m.LockVersion}, append(row.fields(), parked)...)
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		m.Event = row.event(m.Seq)
		batch.Messages = append(batch.Messages, m)
	}
	return nil
}

func scanDeliveries(rows pgx.Rows, lease workers.Lease, now time.Time, batch *workers.Batch) error {
	var d workers.Delivery
	var parked time.Time
	row := newEventRow(lease)
	fields := append([]any{&d.Seq, &d.LockVersion, &d.Handler, &d.Attempts, &parked}, row.fields()...)
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		d.Event, d.Age = row.event(d.Seq), now.Sub(parked)
		batch.Deliveries = append(batch.Deliveries, d)
	}
	return nil
}

// scanNextDue translates the database's time into the process's: a test's clock may differ.
func scanNextDue(rows pgx.Rows, now time.Time, batch *workers.Batch) error {
	for rows.Next() {
		var due time.Time
		if err := rows.Scan(&due); err != nil {
			return err
		}
		batch.NextDue = time.Now().Add(due.Sub(now))
	}
	return nil
}

// eventRow is where the columns of one event are scanned into, row after row.
type eventRow struct {
	next            workers.Event
	id, aggregateID uuid.UUID
	data            []byte
}

func newEventRow(lease workers.Lease) *eventRow {
	return &eventRow{next: workers.Event{TenantID: lease.Placement.TenantID, TenantSlug: lease.Placement.Slug}}
}

// fields are in the order of eventColumns.
func (r *eventRow) fields() []any {
	e := &r.next
	return []any{
		(*[16]byte)(&r.id), &e.Name, &e.AggregateType, (*[16]byte)(&r.aggregateID), &e.AggregateVersion,
		&e.ActorID, &e.RequestID, &e.TraceParent, &r.data, &e.CreatedAt,
	}
}

// event is the one that was scanned.
func (r *eventRow) event(seq int64) workers.Event {
	e := r.next
	e.Seq, e.ID, e.AggregateID, e.Data = seq, r.id.String(), r.aggregateID.String(), r.data
	r.data = nil // the event's own now
	return e
}
