package outbox

import (
	"time"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Status is the publishing state of an event.
type Status = string

// The statuses of an outbox message.
const (
	// Unpublished means not tried yet.
	Unpublished Status = "unpublished"
	// Retrying means that some handler failed and will be tried again.
	Retrying Status = "retrying"
	// Published means that the broker and all handlers took it.
	Published Status = "published"
	// Failed means that some handler failed for good, until an operator replays it.
	Failed Status = "failed"
)

// settle ends a delivery that succeeded, or that an operator gives up: it goes, the next of its chain may
// be tried, and its event is published once no other delivery of it is left. Dead ones that it had
// passed itself the next may pass too.
const settle = `
	with gone as (
		delete from deliveries where seq = $1::bigint and handler = $2::text and lock_version = $3::bigint
		returning seq, handler, aggregate_type, aggregate_id,
		          case when status = 'retrying' then seq else 0 end as passed
	), promoted as (` + promoteNext + `)
	update outbox_messages m
	set status = ` + statusOfRest + `,
	    attempts = m.attempts + $5::integer, lock_version = m.lock_version + 1,
	    published_at = case when ` + statusOfRest + ` = 'published' then $4::timestamptz end
	from gone where m.seq = gone.seq
	returning m.status`

// promoteNext lets the first that waits in a chain have its turn when one is gone, unless another one
// before it is being tried, or is dead behind the place up to which dead ones were passed.
const promoteNext = `
	update deliveries d set status = 'retrying', next_attempt_at = $4::timestamptz, lock_version = d.lock_version + 1
	from gone g cross join lateral (
		select w.seq from deliveries w
		where w.aggregate_type = g.aggregate_type and w.aggregate_id = g.aggregate_id and w.handler = g.handler
		  and w.status = 'waiting' order by w.seq limit 1) w
	where d.seq = w.seq and d.handler = g.handler
	  and not exists (
		select 1 from deliveries b
		where b.aggregate_type = g.aggregate_type and b.aggregate_id = g.aggregate_id and b.handler = g.handler
		  and b.seq < w.seq and b.seq <> g.seq and (b.status = 'retrying' or b.seq > g.passed))
	returning d.seq`

// statusOfRest is the message's status by its other deliveries.
const statusOfRest = `(select case when count(*) = 0 then 'published'
	                               when count(*) = count(*) filter (where o.status = 'failed') then 'failed'
	                               else 'retrying' end
	                   from deliveries o where o.seq = $1 and o.handler <> $2)`

// postpone keeps a delivery that failed again, for later or for an operator. The event has failed when
// nothing of it will be tried again by itself.
const postpone = `
	with kept as (
		update deliveries
		set status = case when $4::boolean then 'failed' else 'retrying' end, attempts = $5, next_attempt_at = $6,
		    last_error = $7, lock_version = lock_version + 1
		where seq = $1::bigint and handler = $2::text and lock_version = $3::bigint
		returning seq
	)
	update outbox_messages m
	set status = case when $4::boolean and not exists (select 1 from deliveries o
	                                          where o.seq = $1 and o.handler <> $2 and o.status <> 'failed')
	                  then 'failed' else 'retrying' end,
	    attempts = m.attempts + 1, lock_version = m.lock_version + 1
	from kept where m.seq = kept.seq`

// passDead lets the next of a chain go on behind a dead one, for handlers that allow it.
const passDead = `
	with gone as (
		select seq, handler, aggregate_type, aggregate_id, 9223372036854775807 as passed from deliveries
		where seq = $1::bigint and handler = $2::text and lock_version = $3::bigint and status = 'failed'
	) ` + promoteNext

func retriedStatements(retried []workers.Retried, at clock, count func(int64)) []tenants.Statement {
	var statements []tenants.Statement
	for _, r := range retried {
		d := r.Delivery
		if r.Failure == nil {
			statements = append(statements, settleStatement(d.Seq, d.Handler, d.LockVersion, at.now, count))
			continue
		}
		v := r.Failure
		statements = append(statements, tenants.Statement{
			SQL: postpone, Affected: count,
			Args: []any{d.Seq, d.Handler, d.LockVersion, v.Dead, v.Attempts, at.database(v.NextAttemptAt), v.Error},
		})
		if v.Dead && v.PassDead {
			statements = append(statements, tenants.Statement{
				SQL: passDead, Args: []any{d.Seq, d.Handler, d.LockVersion + 1, at.now},
			})
		}
	}
	return statements
}

func settleStatement(seq int64, handler string, version int64, now time.Time, count func(int64)) tenants.Statement {
	return tenants.Statement{SQL: settle, Args: []any{seq, handler, version, now, 1}, Affected: count}
}
