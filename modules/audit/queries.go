package audit

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// query is a statement and its values, apart from running it, so that a test can look at its plan.
type query struct {
	sql  string
	args []any
}

const eventColumns = `e.seq, e.id, e.name, e.aggregate_type, e.aggregate_id, e.aggregate_version,
	e.actor_id, e.request_id, e.data, e.created_at`

// withMessage looks up the message of each event by its key. The limit keeps the planner from joining
// the whole table first, which it would do where its statistics are off.
const withMessage = ` left join lateral (
		select m.seq, m.status, m.attempts, m.published_at from outbox_messages m where m.seq = e.seq limit 1
	) m on true`

// One event too many is read, which tells whether there is another page.
const newestFirst = ` order by e.created_at desc, e.seq desc limit ?`

// byID finds one event.
func byID(id string) *query {
	return &query{
		`select ` + eventColumns + `, coalesce(m.status, 'published') as status, m.attempts, m.published_at
		from events e` + withMessage + ` where e.id = ?`, []any{id},
	}
}

// fromEvents walks the index of the filter's most telling column, and looks up the messages of what
// it shows.
func fromEvents(filter Filter, before position) *query {
	q := &query{sql: `select ` + eventColumns + `, coalesce(m.status, 'published') as status, m.attempts, m.published_at
		from events e` + withMessage + ` where true`}
	q.narrow(filter, before)
	if filter.Status != "" {
		q.where(`coalesce(m.status, 'published') = ?`, string(filter.Status))
	}
	return q.limited(filter)
}

// fromMessages walks the index of the messages' status, and looks up their events. A message has the
// time of its event.
func fromMessages(filter Filter, before position) *query {
	q := &query{sql: `select ` + eventColumns + `, m.status, m.attempts, m.published_at
		from outbox_messages m join lateral (
			select ` + eventColumns + ` from events e where e.seq = m.seq limit 1
		) e on true where true`}
	q.where(`m.status = ?`, string(filter.Status))
	q.where(`(m.created_at, m.seq) < (?, ?)`, before.time(), before.Seq)
	if !filter.From.IsZero() {
		q.where(`m.created_at >= ?`, time.UnixMicro(ceilMicro(filter.From)).UTC())
	}
	q.columns(filter)
	q.sql += ` order by m.created_at desc, m.seq desc limit ?`
	q.args = append(q.args, filter.Limit+1)
	return q
}

// pruned walks the events whose message is gone.
func pruned(filter Filter, before position) *query {
	q := &query{sql: `select ` + eventColumns + `, 'published' as status, null::integer as attempts, null::timestamptz as published_at
		from events e` + withMessage + ` where m.seq is null`}
	q.narrow(filter, before)
	return q.limited(filter)
}

// pruningBorder finds the oldest message that was published in time. Retention takes messages by the
// age of their event, oldest first, and leaves none for less than a minute; so nothing newer than
// this one was pruned. A message that was published late, after a replay, proves nothing: it may be
// older than what was pruned before.
func pruningBorder() *query {
	return &query{sql: `select m.created_at from outbox_messages m
		where m.status = 'published' and m.published_at < m.created_at + interval '1 minute'
		order by m.created_at, m.seq limit 1`}
}

func (q *query) where(condition string, args ...any) {
	q.sql += " and " + condition
	q.args = append(q.args, args...)
}

// narrow adds the conditions on events. All upper bounds are one comparison of rows, because a scan
// with two of them may begin at the wrong one.
func (q *query) narrow(filter Filter, before position) {
	q.where(`(e.created_at, e.seq) < (?, ?)`, before.time(), before.Seq)
	if !filter.From.IsZero() {
		q.where(`e.created_at >= ?`, time.UnixMicro(ceilMicro(filter.From)).UTC())
	}
	if filter.AggregateID+filter.Name+filter.ActorID+filter.AggregateType == "" {
		q.where(`e.seq > 0`) // true of all events, and what the index events_created asks for
	}
	q.columns(filter)
}

// columns adds the conditions on the events' columns. A type beside an id or a name tells hardly more,
// so the case keeps it from the planner, which would take its index for as good.
func (q *query) columns(filter Filter) {
	if filter.AggregateID != "" {
		q.where(`e.aggregate_id = ?`, filter.AggregateID)
	}
	if filter.Name != "" {
		q.where(`e.name = ?`, filter.Name)
	}
	if filter.ActorID != "" {
		q.where(`e.actor_id = ?`, filter.ActorID)
	}
	switch {
	case filter.AggregateType == "":
	case filter.AggregateID+filter.Name != "":
		q.where(`case when e.aggregate_type = ? then true end`, filter.AggregateType)
	default:
		q.where(`e.aggregate_type = ?`, filter.AggregateType)
	}
}

func (q *query) limited(filter Filter) *query {
	q.sql += newestFirst
	q.args = append(q.args, filter.Limit+1)
	return q
}

func (q *query) events(tx *tenants.Tx) ([]Event, error) {
	var events []Event
	if err := tx.DB.Raw(strings.TrimSpace(q.sql), q.args...).Scan(&events).Error; err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}
