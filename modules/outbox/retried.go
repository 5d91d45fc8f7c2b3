package outbox

import (
	"time"

	"github.com/jackc/pgx/v5"

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

// settle ends deliveries that succeeded, or that an operator gives up: they go, the next of their chains
// may be tried, and an event is published once no other delivery of it is left. Dead ones that a
// delivery had passed itself the next may pass too. It answers with the number of deliveries.
const settle = `
	with done as (
		select v.seq, v.handler, v.version, v.pass_dead
		from unnest($1::bigint[], $2::text[], $3::bigint[], $6::boolean[]) as v (seq, handler, version, pass_dead)
	), gone as (
		delete from deliveries d using done
		where d.seq = done.seq and d.handler = done.handler and d.lock_version = done.version
		returning d.seq, d.handler, d.aggregate_type, d.aggregate_id,
		          case when done.pass_dead then 9223372036854775807 when d.status = 'retrying' then d.seq else 0 end as passed
	), promoted as (` + promoteNext + `), rest as (
		select g.seq, g.ended, case when count(o.seq) = 0 then 'published'
		                            when count(o.seq) = count(o.seq) filter (where o.status = 'failed') then 'failed'
		                            else 'retrying' end as status
		from (select seq, count(*) as ended from gone group by seq) g
		left join deliveries o on o.seq = g.seq and (o.seq, o.handler) not in (select seq, handler from gone)
		group by g.seq, g.ended
	), messages as (
		update outbox_messages m
		set status = rest.status, attempts = m.attempts + $5::integer * rest.ended, lock_version = m.lock_version + 1,
		    published_at = case when rest.status = 'published' then $4::timestamptz end
		from rest where m.seq = rest.seq
	)
	select count(*) from gone`

// promoteNext lets the first that waits in a chain have its turn when one is gone, unless another one
// before it is being tried, or is dead behind the place up to which dead ones were passed.
const promoteNext = `
	update deliveries d set status = 'retrying', next_attempt_at = $4::timestamptz, lock_version = d.lock_version + 1
	from (
		select aggregate_type, aggregate_id, handler, max(passed) as passed from gone group by 1, 2, 3
	) g cross join lateral (
		select w.seq from deliveries w
		where w.aggregate_type = g.aggregate_type and w.aggregate_id = g.aggregate_id and w.handler = g.handler
		  and w.status = 'waiting' and (w.seq, w.handler) not in (select seq, handler from gone)
		order by w.seq limit 1
	) w
	where d.seq = w.seq and d.handler = g.handler and (
		select b.seq from deliveries b
		where b.aggregate_type = g.aggregate_type and b.aggregate_id = g.aggregate_id and b.handler = g.handler
		  and b.seq < w.seq and (b.status = 'retrying' or b.seq > g.passed)
		  and (b.seq, b.handler) not in (select seq, handler from gone)
		limit 1) is null
	returning d.seq`

// postpone keeps a delivery that failed again, for later or for an operator. The event has failed when
// nothing of it will be tried again by itself. The event's attempts grow only if one was made.
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
	    attempts = m.attempts + $8::integer, lock_version = m.lock_version + 1
	from kept where m.seq = kept.seq`

// passDead lets the next of a chain go on behind a dead one, for handlers that allow it.
const passDead = `
	with gone as (
		select seq, handler, aggregate_type, aggregate_id, 9223372036854775807 as passed from deliveries
		where seq = $1::bigint and handler = $2::text and lock_version = $3::bigint and status = 'failed'
	) ` + promoteNext

func retriedStatements(retried []workers.Retried, at clock, count func(int64)) []tenants.Statement {
	var statements []tenants.Statement
	var succeeded []workers.Retried
	for _, r := range retried {
		d, v := r.Delivery, r.Failure
		if v == nil {
			succeeded = append(succeeded, r)
			continue
		}
		statements = append(statements, tenants.Statement{
			SQL: postpone, Affected: count,
			Args: []any{d.Seq, d.Handler, d.LockVersion, v.Dead, v.Attempts, at.database(v.NextAttemptAt), v.Error, spent(v)},
		})
		if v.Dead && v.PassDead {
			statements = append(statements, tenants.Statement{
				SQL: passDead, Args: []any{d.Seq, d.Handler, d.LockVersion + 1, at.now},
			})
		}
	}
	if len(succeeded) > 0 {
		statements = append(statements, settleStatement(succeeded, at.now, count))
	}
	return statements
}

// spent is how many attempts a verdict tells of.
func spent(v *workers.Verdict) int {
	if v.Tried() {
		return 1
	}
	return 0
}

// settleStatement settles all in one statement, whose plan costs more than a delivery.
func settleStatement(succeeded []workers.Retried, now time.Time, count func(int64)) tenants.Statement {
	n := len(succeeded)
	seqs, handlers, versions, passing := make([]int64, n), make([]string, n), make([]int64, n), make([]bool, n)
	for i, r := range succeeded {
		seqs[i], handlers[i], versions[i] = r.Delivery.Seq, r.Delivery.Handler, r.Delivery.LockVersion
		passing[i] = r.PassDead
	}
	return tenants.Statement{SQL: settle, Args: []any{seqs, handlers, versions, now, 1, passing}, Read: func(rows pgx.Rows) error {
		for rows.Next() {
			var ended int64
			if err := rows.Scan(&ended); err != nil {
				return err
			}
			count(ended)
		}
		return nil
	}}
}
