package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// completePublished is the versioned statement that ends a batch. A message that somebody else
// completed since it was read is left as it is.
const completePublished = `
	update outbox_messages m
	set status = 'published', published_at = $3, attempts = m.attempts + 1, lock_version = m.lock_version + 1%s
	from unnest($1::bigint[], $2::bigint[]) as v (seq, version)
	where m.seq = v.seq and m.lock_version = v.version`

// completeParked sets the messages apart whose event some handler did not take.
const completeParked = `
	update outbox_messages m
	set status = v.status, attempts = m.attempts + 1, lock_version = m.lock_version + 1%s
	from unnest($1::bigint[], $2::bigint[], $3::text[]) as v (seq, version, status)
	where m.seq = v.seq and m.lock_version = v.version
	returning m.seq`

// timed notes where the time of a batch went, in the row that is written anyway.
const timed = `,
	    discovered_at = $4::timestamptz, queued_at = $5::timestamptz, turn_at = $6::timestamptz, attempted_at = $7::timestamptz`

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

// Complete implements workers.Source in one round trip and one transaction. A tenant that is a migration
// behind has no room for where the time went and what failed, and is completed without.
func (s *Source) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (stale int, err error) {
	scope := s.scope(lease)
	done := completion{at: s.clock(), retried: retried}
	done.plain, done.parked = splitOutcomes(outcomes)
	if len(done.parked)+len(retried) > 0 {
		scope = scope.Guarded(deliveriesLock(lease.Placement.TenantID))
	}
	err = scope.Pipeline(ctx, done.statements(true)...)
	if unmigrated(err) {
		err = scope.Pipeline(ctx, done.statements(false)...)
	}
	if err != nil {
		return 0, leaseFault(err)
	}
	return len(outcomes) + len(retried) - done.changed, nil
}

// unmigrated reports whether a statement names what the tenant does not have yet.
func unmigrated(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "42P01" || pgErr.Code == "42703")
}

// completion is what became of a batch, as statements.
type completion struct {
	at            clock
	plain, parked []workers.Outcome
	retried       []workers.Retried
	changed       int
}

func (c *completion) count(rows int64) { c.changed += int(rows) }

// statements are those of the whole batch; without details for a tenant that is a migration behind.
func (c *completion) statements(details bool) []tenants.Statement {
	c.changed = 0
	var statements []tenants.Statement
	if len(c.plain) > 0 {
		seqs, versions := versionsOf(c.plain)
		statements = append(statements, c.timed(completePublished, c.plain, details, seqs, versions, c.at.now))
	}
	if len(c.parked) > 0 {
		statements = append(statements, c.parkStatements(details)...)
	}
	statements = append(statements, retriedStatements(c.retried, c.at, c.count)...)
	if details {
		statements = append(statements, failedAttempts(c.parked, c.retried, c.at)...)
	}
	return statements
}

// timed completes a statement about messages. All outcomes of a batch have the same timing.
func (c *completion) timed(sql string, outcomes []workers.Outcome, details bool, args ...any) tenants.Statement {
	timing := outcomes[0].Timing
	if !details || timing == nil {
		return tenants.Statement{SQL: fmt.Sprintf(sql, ""), Args: args, Affected: c.count}
	}
	args = append(args, c.at.database(timing.DiscoveredAt), c.at.database(timing.QueuedAt),
		c.at.database(timing.TurnAt), c.at.database(timing.AttemptedAt))
	return tenants.Statement{SQL: fmt.Sprintf(sql, timed), Args: args, Affected: c.count}
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

func (c *completion) parkStatements(details bool) []tenants.Statement {
	seqs, versions := versionsOf(c.parked)
	statuses := make([]string, len(c.parked))
	for i, o := range c.parked {
		statuses[i] = parkedStatus(o.Parked)
	}
	statements := []tenants.Statement{c.timed(completeParked, c.parked, details, seqs, versions, statuses)}
	for _, o := range c.parked {
		for _, v := range o.Parked {
			statements = append(statements, tenants.Statement{SQL: park, Args: []any{
				o.Seq, o.Event.ID, v.Handler, o.Event.AggregateType, o.Event.AggregateID, v.Dead,
				v.Attempts, c.at.database(v.NextAttemptAt), v.Error, v.PassDead, c.at.now, o.LockVersion + 1,
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
