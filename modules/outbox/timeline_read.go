package outbox

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/tenants"
)

const (
	// manyAhead bounds the counting of a backlog: beyond it the exact number tells nobody more.
	manyAhead = 10_000
	// shownFailures bounds the failed attempts of a timeline; the latest are shown.
	shownFailures = 200
)

// readable is what a process can read of a time: the tenant's role writes its own outbox, and PostgreSQL
// knows times after all others, and before them. A time that is not readable reads like one that nobody
// recorded.
const readable = ` between '1970-01-01Z' and '9999-12-31Z'`

// readMessage reads the times out of the row as a whole, so that a tenant whose schema does not have them
// yet is answered too: it reads like one that was published before they were recorded.
const readMessage = `
	select e.seq, e.id::text as event_id, e.name as event_name, e.aggregate_type, e.aggregate_id::text as aggregate_id,
	       e.aggregate_version, least(greatest(e.created_at, '1970-01-01Z'), '9999-12-31Z') as created_at,
	       coalesce(m.status, 'published') as status, m.seq is null as pruned,
	       case when m.published_at` + readable + ` then m.published_at end as published_at,
	       case when t.discovered_at` + readable + ` then t.discovered_at end as discovered_at,
	       case when t.queued_at` + readable + ` then t.queued_at end as queued_at,
	       case when t.turn_at` + readable + ` then t.turn_at end as turn_at,
	       case when t.attempted_at` + readable + ` then t.attempted_at end as attempted_at,
	       case when m.status = 'unpublished' then (
	           select count(*) from (select 1 from outbox_messages b
	                                 where b.status = 'unpublished' and b.seq < e.seq limit $2) b
	       ) else 0 end as ahead
	from events e
	left join lateral (
		select o.seq, o.status, o.published_at, to_jsonb(o) as whole from outbox_messages o where o.seq = e.seq limit 1
	) m on true
	cross join lateral (
		select (m.whole->>'discovered_at')::timestamptz as discovered_at, (m.whole->>'queued_at')::timestamptz as queued_at,
		       (m.whole->>'turn_at')::timestamptz as turn_at, (m.whole->>'attempted_at')::timestamptz as attempted_at
	) t
	where e.id = $1`

// readOpen also finds for what waits the head of its chain, which is what it waits for in the end.
const readOpen = `
	select d.handler, d.status, d.attempts, d.last_error,
	       least(greatest(d.next_attempt_at, '1970-01-01Z'), '9999-12-31Z') as next_attempt_at,
	       coalesce(b.event_id::text, '') as behind_event_id, coalesce(b.status, '') as behind_status
	from deliveries d
	left join lateral (
		select h.event_id, h.status from deliveries h
		where d.status = 'waiting' and h.aggregate_type = d.aggregate_type and h.aggregate_id = d.aggregate_id
		  and h.handler = d.handler and h.seq < d.seq
		order by h.seq limit 1
	) b on true
	where d.seq = $1 order by d.handler`

const readFailures = `
	select handler, attempt, started_at, took_ms, error from delivery_attempts
	where seq = $1 order by started_at desc, handler limit $2`

// publishingOf asks the ledger, as the application's login, about the scope's tenant alone.
func publishingOf(scope *tenants.Scope, into *Publishing) tenants.Statement {
	return tenants.Statement{
		SQL: `select t.paused, case when l.expires_at > clock_timestamp() then l.holder else '' end, l.last_visited_at,
			array(select p.handler from dispatch.paused_handlers p order by p.handler), clock_timestamp()
			from dispatch.tenants t join dispatch.ledger l on l.tenant_id = t.tenant_id where t.tenant_id = $1`,
		Args: []any{scope.TenantID()},
		Read: func(rows pgx.Rows) error {
			for rows.Next() {
				err := rows.Scan(&into.Paused, &into.Holder, &into.LastVisitedAt, &into.PausedHandlers, &into.At)
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func readTimeline(tx *tenants.Tx, eventID string) (Timeline, error) {
	var found []Timeline
	if err := tx.DB.Raw(readMessage, eventID, manyAhead).Scan(&found).Error; err != nil {
		return Timeline{}, fmt.Errorf("read the message of an event: %w", err)
	}
	if len(found) == 0 {
		return Timeline{}, noSuchEvent()
	}
	timeline := found[0]
	if err := tx.DB.Raw(readOpen, timeline.Seq).Scan(&timeline.Deliveries).Error; err != nil {
		return Timeline{}, fmt.Errorf("read the deliveries of an event: %w", err)
	}
	var recorded bool // not yet in a schema that is a migration behind
	if err := tx.DB.Raw("select to_regclass('delivery_attempts') is not null").Scan(&recorded).Error; err != nil {
		return Timeline{}, fmt.Errorf("look for the failed attempts: %w", err)
	}
	if recorded {
		if err := tx.DB.Raw(readFailures, timeline.Seq, shownFailures).Scan(&timeline.Failures).Error; err != nil {
			return Timeline{}, fmt.Errorf("read the failed attempts of an event: %w", err)
		}
		slices.Reverse(timeline.Failures)
	}
	return timeline, nil
}
