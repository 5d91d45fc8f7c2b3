package outbox

import (
	"context"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// completePublished is the versioned statement that ends a batch. A message that somebody else
// completed since it was read is left as it is.
const completePublished = `
	update outbox_messages m
	set status = 'published', published_at = $3, attempts = m.attempts + 1, lock_version = m.lock_version + 1
	from unnest($1::bigint[], $2::bigint[]) as v (seq, version)
	where m.seq = v.seq and m.lock_version = v.version`

// completeParked sets the messages apart whose event some handler did not take.
const completeParked = `
	update outbox_messages m
	set status = v.status, attempts = m.attempts + 1, lock_version = m.lock_version + 1
	from unnest($1::bigint[], $2::bigint[], $3::text[]) as v (seq, version, status)
	where m.seq = v.seq and m.lock_version = v.version
	returning m.seq`

// park adds a delivery for a message that was parked in this transaction. Behind an open one of its
// chain it waits; behind a dead one too, unless the handler lets later events pass.
const park = `
	insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status,
	                        attempts, next_attempt_at, last_error, created_at)
	select $1::bigint, $2::uuid, $3::text, $4::text, $5::uuid,
	       case when $6::boolean then 'failed'
	            when exists (select 1 from deliveries d
	                         where d.aggregate_type = $4 and d.aggregate_id = $5 and d.handler = $3 and d.seq < $1
	                           and (d.status <> 'failed' or not $10::boolean)) then 'waiting'
	            else 'retrying' end,
	       $7::integer, $8::timestamptz, $9::text, $11::timestamptz
	where exists (select 1 from outbox_messages m
	              where m.seq = $1 and m.lock_version = $12 and m.status in ('retrying', 'failed'))
	on conflict do nothing`

// Complete implements workers.Source in one round trip and one transaction.
func (s *Source) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (stale int, err error) {
	now := s.cluster.Now()
	scope := s.scope(lease)
	plain, parked := splitOutcomes(outcomes)
	expected, changed := len(outcomes)+len(retried), 0
	count := func(rows int64) { changed += int(rows) }

	var statements []tenants.Statement
	if len(plain) > 0 {
		seqs, versions := versionsOf(plain)
		statements = append(statements, tenants.Statement{
			SQL: completePublished, Args: []any{seqs, versions, now}, Affected: count,
		})
	}
	if len(parked)+len(retried) > 0 {
		scope = scope.Guarded(deliveriesLock(lease.Placement.TenantID))
		statements = append(statements, parkStatements(parked, s.clock(), count)...)
		statements = append(statements, retriedStatements(retried, s.clock(), count)...)
	}
	failed := failedAttempts(outcomes, retried, s.clock())
	err = scope.Pipeline(ctx, append(statements, failed...)...)
	if len(failed) > 0 && undefinedTable(err) { // the tenant is not migrated yet, and must not wait for it
		changed = 0
		err = scope.Pipeline(ctx, statements...)
	}
	if err != nil {
		return 0, leaseFault(err)
	}
	return expected - changed, nil
}

func splitOutcomes(outcomes []workers.Outcome) (plain, parked []workers.Outcome) {
	for _, o := range outcomes {
		if len(o.Parked) == 0 {
			plain = append(plain, o)
		} else {
			parked = append(parked, o)
		}
	}
	return plain, parked
}

func versionsOf(outcomes []workers.Outcome) (seqs, versions []int64) {
	seqs, versions = make([]int64, len(outcomes)), make([]int64, len(outcomes))
	for i, o := range outcomes {
		seqs[i], versions[i] = o.Seq, o.LockVersion
	}
	return seqs, versions
}

func parkStatements(parked []workers.Outcome, at clock, count func(int64)) []tenants.Statement {
	if len(parked) == 0 {
		return nil
	}
	seqs, versions := versionsOf(parked)
	statuses := make([]string, len(parked))
	for i, o := range parked {
		statuses[i] = parkedStatus(o.Parked)
	}
	statements := []tenants.Statement{{SQL: completeParked, Args: []any{seqs, versions, statuses}, Affected: count}}
	for _, o := range parked {
		for _, v := range o.Parked {
			statements = append(statements, tenants.Statement{SQL: park, Args: []any{
				o.Seq, o.Event.ID, v.Handler, o.Event.AggregateType, o.Event.AggregateID, v.Dead,
				v.Attempts, at.database(v.NextAttemptAt), v.Error, v.PassDead, at.now, o.LockVersion + 1,
			}})
		}
	}
	return statements
}

// parkedStatus is what an event is that nobody will try again by himself: failed; else it is retrying.
func parkedStatus(parked []workers.Verdict) Status {
	for _, v := range parked {
		if !v.Dead {
			return Retrying
		}
	}
	return Failed
}
