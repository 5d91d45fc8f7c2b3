package outbox_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

func TestReplayOfADeadHeadIsFollowedByWhatWaitsBehindIt(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 3)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed, ids[1]: outbox.Waiting, ids[2]: outbox.Waiting},
		statuses(t, tenant, "strict"))
	require.Equal(t, ids, desk.takenBy("ledger", ids...), "the other handlers are not held up")
	require.Empty(t, desk.takenBy("strict", ids...))
	require.Equal(t, outbox.Failed, messageStatus(t, tenant, ids[0]))
	require.Equal(t, outbox.Retrying, messageStatus(t, tenant, ids[1]))

	desk.refuse(nil, "strict", ids[0])
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{EventIDs: ids[:1]})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
	awaitDelivered(t, tenant)
	require.Equal(t, ids, desk.takenBy("strict", ids...))
	require.Equal(t, ids, desk.takenBy("ledger", ids...))
	names, data := controlEvents(t, tenant)
	require.Equal(t, []string{"Outbox.replay_requested"}, names)
	require.JSONEq(t, `{"event_ids":["`+ids[0]+`"]}`, data[0])
}

func TestReplayGivesAllAttemptsAgain(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	paused(t, tenant)
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
	page, err := newService().Deliveries(t.Context(), apptest.Operator(), tenant.Slug, outbox.DeliveryFilter{})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, 1)
	d := page.Deliveries[0]
	require.Equal(t, outbox.Retrying, d.Status)
	require.Zero(t, d.Attempts)
	require.WithinDuration(t, time.Now(), d.NextAttemptAt, time.Minute)
	require.Equal(t, errNever.Error(), d.LastError)
	require.Equal(t, outbox.Retrying, messageStatus(t, tenant, ids[0]))
}

func TestReplayOfWhatFailsAgainIsDeadAgain(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 2)
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
	require.Eventually(t, func() bool { return statuses(t, tenant, "strict")[ids[0]] == outbox.Failed }, patience, interval)
	require.Equal(t, outbox.Waiting, statuses(t, tenant, "strict")[ids[1]])
	require.Equal(t, outbox.Failed, messageStatus(t, tenant, ids[0]))
}

func TestReplayOfSeveralDeadOfOneChainGoesInOrder(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 4)
	desk.refuse(errNever, "lenient", ids[0], ids[1], ids[2])
	k.record(t, ids...)
	tenant.Settle(t)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed, ids[1]: outbox.Failed, ids[2]: outbox.Failed},
		statuses(t, tenant, "lenient"), "the last passes those that are dead")
	paused(t, tenant)
	desk.refuse(nil, "lenient", ids[0], ids[1], ids[2])
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	require.Equal(t, 3, replayed)
	require.Equal(t, map[string]string{ids[0]: outbox.Retrying, ids[1]: outbox.Waiting, ids[2]: outbox.Waiting},
		statuses(t, tenant, "lenient"))
	resumed(t, tenant)
	awaitDelivered(t, tenant)
	require.Equal(t, []string{ids[3], ids[0], ids[1], ids[2]}, desk.takenBy("lenient", ids...))
}

func TestReplayOfOneOfManyDeadLeavesTheOthers(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 2)
	desk.refuse(errNever, "lenient", ids...)
	k.record(t, ids...)
	tenant.Settle(t)
	desk.refuse(nil, "lenient", ids...)
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{EventIDs: ids[1:]})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
	require.Eventually(t, func() bool { return len(desk.takenBy("lenient", ids...)) == 1 }, patience, interval)
	tenant.Settle(t)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed}, statuses(t, tenant, "lenient"))
}

func TestReplayNarrowedToAHandler(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	_, others := opened(t, tenant, "ledger", 1)
	desk.refuse(nil, "strict", ids[0])
	desk.refuse(nil, "ledger", others[0])
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{Handler: "ledger"})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
	require.Eventually(t, func() bool { return len(statuses(t, tenant, "ledger")) == 0 }, patience, interval)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed}, statuses(t, tenant, "strict"))
}

func TestReplayNarrowedToATime(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	opened(t, tenant, "strict", 1)
	service, now := newService(), time.Now()
	before, hourAgo := now.Add(-time.Minute), now.Add(-time.Hour)
	replayed, err := service.Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{From: &hourAgo, To: &before})
	require.NoError(t, err)
	require.Zero(t, replayed)
	replayed, err = service.Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{From: &before})
	require.NoError(t, err)
	require.Equal(t, 1, replayed)
}

func TestReplayOfMoreThanABatch(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	paused(t, tenant)
	const dead = 2100
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec(`with e as (
				insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
				select gen_random_uuid(), 'Ticket.opened', 'Ticket', gen_random_uuid(), 1, 'tester', 'test', '{}', $2
				from generate_series(1, $1::integer) returning seq, id, aggregate_id, created_at),
			m as (insert into outbox_messages (seq, status, created_at) select seq, 'failed', created_at from e)
			insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, attempts, next_attempt_at, created_at)
			select seq, id, 'strict', 'Ticket', aggregate_id, 'failed', 12, created_at, created_at from e`, dead, tx.Now).Error
	}))
	replayed, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	require.Equal(t, dead, replayed)
	names, _ := controlEvents(t, tenant)
	require.Contains(t, names, "Outbox.replay_requested")
	resumed(t, tenant)
	awaitDelivered(t, tenant)
}

func TestReplayRefusesEventsThatTheTenantDoesNotHave(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	_, theirs := opened(t, other, "strict", 1)
	unknown := uuid.NewString()
	_, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug,
		outbox.Selection{EventIDs: []string{ids[0], theirs[0], unknown}})
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.Equal(t, "event_not_found", fault.CodeOf(err))
	require.ErrorContains(t, err, theirs[0]+", "+unknown)
	require.NotContains(t, err.Error(), ids[0])
	require.Equal(t, outbox.Failed, statuses(t, tenant, "strict")[ids[0]], "nothing was replayed")
	require.Equal(t, outbox.Failed, statuses(t, other, "strict")[theirs[0]])
	names, _ := controlEvents(t, tenant)
	require.Empty(t, names, "what was not done is not recorded")
}

func TestReplayRefusesASelectionThatSaysTooLittleOrTooMuch(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	now := time.Now()
	for name, selection := range map[string]outbox.Selection{
		"nothing":      {},
		"both":         {EventIDs: []string{uuid.NewString()}, All: true},
		"no uuid":      {EventIDs: []string{"x"}},
		"upper case":   {EventIDs: []string{"01942E3C-7D4C-7B6E-9F5E-0C6A3B7D2F11"}},
		"too many":     {EventIDs: make([]string, 1001)},
		"empty time":   {From: &now, To: &now},
		"NUL":          {Handler: "a\x00"},
		"invalid UTF8": {Handler: "a\xff"},
	} {
		_, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, selection)
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
	}
}
