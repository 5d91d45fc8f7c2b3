package outbox

import (
	"time"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// keepAttempts adds what went wrong at each attempt of a batch, in the transaction that parks or postpones
// its deliveries and after it: so none is kept of a delivery that somebody else had changed.
const keepAttempts = `
	insert into delivery_attempts (seq, handler, attempt, started_at, took_ms, error)
	select v.seq, v.handler, v.attempt, v.started_at, v.took_ms, v.error
	from unnest($1::bigint[], $2::text[], $3::bigint[], $4::integer[], $5::timestamptz[], $6::float8[], $7::text[])
	     as v (seq, handler, version, attempt, started_at, took_ms, error)
	join deliveries d on d.seq = v.seq and d.handler = v.handler
	                 and d.lock_version = v.version and d.attempts = v.attempt
	on conflict do nothing`

// attemptColumns are the failed attempts of a batch, column by column.
type attemptColumns struct {
	seqs     []int64
	handlers []string
	versions []int64 // of the delivery, after the attempt
	attempts []int
	started  []time.Time
	took     []float64
	errors   []string
}

func (c *attemptColumns) add(seq, version int64, v *workers.Verdict, at clock) {
	if !v.Tried() {
		return
	}
	c.seqs, c.handlers = append(c.seqs, seq), append(c.handlers, v.Handler)
	c.versions, c.attempts = append(c.versions, version), append(c.attempts, v.Attempts)
	c.started = append(c.started, at.database(v.StartedAt))
	c.took = append(c.took, float64(v.Took.Microseconds())/1000)
	c.errors = append(c.errors, v.Error)
}

// failedAttempts is the statement that keeps them, or none: a batch without failures writes nothing.
func failedAttempts(outcomes []workers.Outcome, retried []workers.Retried, at clock) []tenants.Statement {
	var c attemptColumns
	for i := range outcomes {
		for n := range outcomes[i].Parked {
			c.add(outcomes[i].Seq, firstVersion, &outcomes[i].Parked[n], at)
		}
	}
	for i := range retried {
		if retried[i].Failure != nil {
			c.add(retried[i].Delivery.Seq, retried[i].Delivery.LockVersion+1, retried[i].Failure, at)
		}
	}
	if len(c.seqs) == 0 {
		return nil
	}
	return []tenants.Statement{{
		SQL: keepAttempts, Args: []any{c.seqs, c.handlers, c.versions, c.attempts, c.started, c.took, c.errors},
	}}
}

// firstVersion is a delivery's when it is parked.
const firstVersion = 1
