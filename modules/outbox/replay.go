package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

const (
	// maxEventIDs bounds the events that one call names.
	maxEventIDs = 1000
	// replayBatch bounds the deliveries of one transaction, during which the worker cannot park any.
	replayBatch = 1000
)

// Selection says which dead deliveries of a tenant: those of the named events, or all that the rest
// allows. An empty one selects nothing and is refused.
type Selection struct {
	// EventIDs names events; at most 1,000.
	EventIDs []string `json:"event_ids,omitempty"`
	// All selects every dead delivery that the other fields allow.
	All bool `json:"all,omitempty"`
	// Handler narrows it to one handler's, "broker" for what the broker refused.
	Handler string `json:"handler,omitempty"`
	// From narrows it to what failed for the first time then or later.
	From *time.Time `json:"from,omitempty"`
	// To narrows it to what failed for the first time before.
	To *time.Time `json:"to,omitempty"`
}

func (s Selection) check() error {
	var wrong mistakes
	filtered := s.Handler != "" || s.From != nil || s.To != nil
	wrong.note(len(s.EventIDs) == 0 && !s.All && !filtered, "event_ids", "say which: event_ids, all, or a filter")
	wrong.note(len(s.EventIDs) > 0 && s.All, "all", "either names of events, or all")
	wrong.note(len(s.EventIDs) > maxEventIDs, "event_ids", "at most 1000 at a time")
	wrong.note(!allUUIDs(s.EventIDs), "event_ids", "must be ids of events, UUIDs in lower case")
	wrong.note(!storable(s.Handler), "handler", "must be UTF-8 text without NUL")
	wrong.note(s.From != nil && s.To != nil && !s.From.Before(*s.To), "to", "must be later than from")
	return fault.InvalidFields(wrong)
}

func allUUIDs(ids []string) bool {
	for _, id := range ids {
		if !isUUID(id) {
			return false
		}
	}
	return true
}

// replayDead makes dead deliveries due. The first of each chain is tried now; the others of the batch,
// and those that stand behind something open already, wait for it.
const replayDead = `
	with picked as (
		select seq, handler from deliveries
		where status = 'failed' and (seq, handler) > ($2::bigint, $3::text) and created_at <= $1::timestamptz
		  and ($4::bigint[] is null or seq = any ($4)) and ($5::text = '' or handler = $5)
		  and ($6::timestamptz is null or created_at >= $6) and ($7::timestamptz is null or created_at < $7)
		order by seq, handler limit $8
	), replayed as (
		update deliveries d
		set status = case when exists (
		        select 1 from deliveries b
		        where b.aggregate_type = d.aggregate_type and b.aggregate_id = d.aggregate_id
		          and b.handler = d.handler and b.seq < d.seq
		          and (b.status <> 'failed' or (b.seq, b.handler) in (select seq, handler from picked)))
		    then 'waiting' else 'retrying' end,
		    attempts = 0, next_attempt_at = $1, lock_version = d.lock_version + 1
		from picked p where d.seq = p.seq and d.handler = p.handler
		returning d.seq
	), messages as (
		update outbox_messages m set status = 'retrying', lock_version = m.lock_version + 1
		where m.seq in (select seq from replayed) and m.status <> 'retrying'
	)
	select (select count(*) from replayed) as replayed, last.seq, last.handler
	from (select seq, handler from picked order by seq desc, handler desc limit 1) last`

// replayedBatch is how far a replay has come.
type replayedBatch struct {
	Replayed int
	Seq      int64
	Handler  string
}

// Replay gives dead deliveries all their attempts again, beginning now and in order: of one aggregate
// and handler the first goes first, and what waits behind it keeps waiting. It returns how many.
func (s *Service) Replay(ctx context.Context, actor tenants.Actor, slug string, selection Selection) (int, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return 0, err
	}
	if err := selection.check(); err != nil {
		return 0, err
	}
	tenant, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return 0, err
	}
	seqs, err := selection.seqs(ctx, scope)
	if err != nil {
		return 0, err
	}
	if err := s.tenants.Record(ctx, actor, tenant.ID, "Outbox.replay_requested", selection); err != nil {
		return 0, err
	}
	return replay(ctx, scope.Guarded(deliveriesLock(tenant.ID)), selection, seqs)
}

// seqs are the places of the named events, nil when none is named.
func (s Selection) seqs(ctx context.Context, scope *tenants.Scope) ([]int64, error) {
	if len(s.EventIDs) == 0 {
		return nil, nil
	}
	found, err := eventSeqs(ctx, scope, s.EventIDs)
	if err != nil {
		return nil, err
	}
	seqs := make([]int64, 0, len(found))
	for _, seq := range found {
		seqs = append(seqs, seq)
	}
	return seqs, nil
}

// replay goes through the deliveries once, in order: one that dies again meanwhile is not replayed
// again, and neither is one that was parked after the beginning.
func replay(ctx context.Context, scope *tenants.Scope, selection Selection, seqs []int64) (int, error) {
	total, began := 0, scope.Now()
	var last replayedBatch
	for {
		var batches []replayedBatch
		err := scope.Transact(ctx, func(tx *tenants.Tx) error {
			batches = nil
			err := tx.DB.Raw(replayDead, began, last.Seq, last.Handler, seqs, selection.Handler,
				selection.From, selection.To, replayBatch).Scan(&batches).Error
			if err != nil {
				return fmt.Errorf("replay deliveries: %w", err)
			}
			tx.Touch()
			return nil
		})
		if err != nil || len(batches) == 0 {
			return total, err
		}
		last = batches[0]
		total += last.Replayed
		if last.Replayed < replayBatch {
			return total, nil
		}
	}
}
