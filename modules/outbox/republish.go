package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// republishBatch bounds the events that one transaction looks at, during which the worker cannot park any.
const republishBatch = 1000

// Period is a time in which events may have been sent.
type Period struct {
	// Since is its beginning.
	Since time.Time `json:"since"`
	// Until is its end; the zero value stands for now.
	Until time.Time `json:"until"`
}

func (p Period) check() error {
	var wrong mistakes
	wrong.note(p.Since.IsZero(), "since", "is required")
	wrong.note(!p.Since.Before(p.Until), "since", "must be in the past, and before until")
	return fault.InvalidFields(wrong)
}

// republishRange finds the places of the events that may have been sent in the period: recorded in it, or
// recorded before its end and published, or parked by a handler, after its beginning.
const republishRange = `
	select coalesce(min(seq), 0) as first, coalesce(max(seq), 0) as last from (
		select seq from events where created_at >= $1::timestamptz and created_at < $2::timestamptz and seq > 0
		union all
		select seq from outbox_messages where status = 'published' and published_at >= $1 and created_at < $2
		union all
		select seq from deliveries where created_at >= $1
	) sent`

// republish parks the events of a batch once more for the broker, which is not to get them in any other
// order: the first of an aggregate is sent now, the next waits for it, and what was being tried behind it
// waits again. What is not published yet is left alone, and so is what the broker has still to get.
const republish = `
	with batch as (
		select seq, id, aggregate_type, aggregate_id, created_at from events
		where seq > $3::bigint and seq <= $4::bigint order by seq limit $5
	), chosen as (
		select b.*, m.seq is null as pruned,
		       row_number() over (partition by b.aggregate_type, b.aggregate_id order by b.seq) as place
		from batch b left join outbox_messages m on m.seq = b.seq
		where b.created_at < $2::timestamptz and case
			when m.seq is null then b.created_at >= $1::timestamptz
			when m.status = 'published' then m.published_at >= $1
			when m.status = 'unpublished' then false
			else exists (select 1 from deliveries d where d.seq = b.seq and d.created_at >= $1)
			 and not exists (select 1 from deliveries d where d.seq = b.seq and d.handler = $7::text) end
	), parked as (
		insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status,
		                        next_attempt_at, created_at)
		select c.seq, c.id, $7, c.aggregate_type, c.aggregate_id,
		       case when c.place > 1 or exists (
		           select 1 from deliveries d
		           where d.aggregate_type = c.aggregate_type and d.aggregate_id = c.aggregate_id
		             and d.handler = $7 and d.seq < c.seq) then 'waiting' else 'retrying' end,
		       $6::timestamptz, $6
		from chosen c
	), behind as (
		update deliveries d set status = 'waiting', lock_version = d.lock_version + 1
		from chosen c
		where c.place = 1 and d.aggregate_type = c.aggregate_type and d.aggregate_id = c.aggregate_id
		  and d.handler = $7 and d.status = 'retrying' and d.seq > c.seq
	), messages as (
		update outbox_messages m set status = 'retrying', published_at = null, lock_version = m.lock_version + 1
		from chosen c where m.seq = c.seq and not c.pruned
		returning m.seq
	), restored as (
		-- Pruned before, or by retention at this moment, for which the update has waited.
		insert into outbox_messages (seq, status, attempts, created_at)
		select seq, 'retrying', 1, created_at from chosen where seq not in (select seq from messages)
	)
	select (select count(*) from chosen) as republished, coalesce(max(seq), $4) as last from batch`

// Republish sends to the broker once more, with the same ids, what may have been sent in a period: for a
// broker that lost what it had acknowledged. What the broker still knows it drops; handlers are not
// called again. It returns how many events it parked for that.
func (s *Service) Republish(ctx context.Context, actor tenants.Actor, slug string, period Period) (int, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return 0, err
	}
	tenant, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return 0, err
	}
	if period.Until.IsZero() {
		period.Until = scope.Now()
	}
	if err := period.check(); err != nil {
		return 0, err
	}
	if err := s.tenants.Record(ctx, actor, tenant.ID, "Outbox.republish_requested", period); err != nil {
		return 0, err
	}
	var events seqRange
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		return tx.DB.Raw(republishRange, period.Since, period.Until).Scan(&events).Error
	})
	if err != nil {
		return 0, fmt.Errorf("find what to republish: %w", err)
	}
	return republishAll(ctx, scope.Guarded(deliveriesLock(tenant.ID)), period, events)
}

// seqRange is where the events are that a period is about.
type seqRange struct{ First, Last int64 }

func republishAll(ctx context.Context, scope *tenants.Scope, period Period, events seqRange) (int, error) {
	total := 0
	for after := events.First - 1; after < events.Last; {
		var batch struct {
			Republished int
			Last        int64
		}
		err := scope.Transact(ctx, func(tx *tenants.Tx) error {
			tx.Touch()
			return tx.DB.Raw(republish, period.Since, period.Until, after, events.Last, republishBatch,
				tx.Now, workers.BrokerName).Scan(&batch).Error
		})
		if err != nil {
			return total, fmt.Errorf("republish events: %w", err)
		}
		total += batch.Republished
		after = batch.Last
	}
	return total, nil
}
