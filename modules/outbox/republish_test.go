package outbox_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// wire hears everything that is sent for a tenant, also what the stream drops as repeated.
type wire struct {
	mu  sync.Mutex
	ids []string
}

func listen(t *testing.T, tenant *apptest.Tenant) *wire {
	t.Helper()
	w := &wire{}
	conn := apptest.NATS(t)
	_, err := conn.Subscribe("events."+tenant.Slug+".>", func(m *nats.Msg) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ids = append(w.ids, m.Header.Get(nats.MsgIdHdr))
	})
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
	return w
}

// sent lists which of the events were sent, as often and in that order.
func (w *wire) sent(ids ...string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var all []string
	for _, id := range w.ids {
		if wanted[id] {
			all = append(all, id)
		}
	}
	return all
}

func (w *wire) await(t *testing.T, ids, sent []string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(w.sent(ids...)) >= len(sent) }, patience, interval)
	require.Equal(t, sent, w.sent(ids...))
}

func republish(t *testing.T, tenant *apptest.Tenant, period outbox.Period) int {
	t.Helper()
	n, err := newService().Republish(t.Context(), apptest.Operator(), tenant.Slug, period)
	require.NoError(t, err)
	return n
}

func lately() outbox.Period { return outbox.Period{Since: time.Now().Add(-time.Hour)} }

func TestRepublishSendsAgainInOrderAndTheBrokerDropsWhatItKnows(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	w := listen(t, tenant)
	k, ids := newTicket(tenant), newIDs(t, 5)
	k.record(t, ids...)
	tenant.Settle(t)
	before := tenant.Published(t)
	require.Equal(t, ids, w.sent(ids...))

	require.Equal(t, len(before), republish(t, tenant, lately()))
	awaitDelivered(t, tenant)
	w.await(t, ids, append(append([]string{}, ids...), ids...))
	require.Equal(t, before, tenant.Published(t), "inside the window nothing is in the stream twice")
	for _, handler := range []string{"strict", "lenient", "ledger"} {
		require.Equal(t, ids, desk.takenBy(handler, ids...), "handlers are not called again")
	}
	names, _ := controlEvents(t, tenant)
	require.Equal(t, []string{"Outbox.republish_requested"}, names)
}

func TestRepublishRestoresWhatWasPruned(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	w := listen(t, tenant)
	k, ids := newTicket(tenant), newIDs(t, 3)
	k.record(t, ids...)
	tenant.Settle(t)
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec("delete from outbox_messages where seq in (select seq from events where id in ?)", ids[:2]).Error
	}))
	republish(t, tenant, lately())
	awaitDelivered(t, tenant)
	w.await(t, ids, append(append([]string{}, ids...), ids...))
	require.Equal(t, outbox.Published, messageStatus(t, tenant, ids[0]))
}

func TestRepublishTakesTheEventsOfItsPeriodOnly(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 4)
	k.record(t, ids...)
	tenant.Settle(t)
	now := time.Now()
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	// The first was recorded and published long ago, the second published in the period only, the third
	// recorded in it and pruned, the fourth published after it.
	shift(t, tenant, ids[0], ago(90), ago(80), false)
	shift(t, tenant, ids[1], ago(90), ago(30), false)
	shift(t, tenant, ids[2], ago(30), time.Time{}, true)
	shift(t, tenant, ids[3], ago(10), ago(9), false)
	w := listen(t, tenant)
	require.Equal(t, 2, republish(t, tenant, outbox.Period{Since: ago(60), Until: ago(20)}))
	awaitDelivered(t, tenant)
	w.await(t, ids, ids[1:3])
	require.Zero(t, republish(t, tenant, outbox.Period{Since: ago(200), Until: ago(100)}))
}

// shift moves an event in time, which only the schema's owner can.
func shift(t *testing.T, tenant *apptest.Tenant, id string, recorded, published time.Time, pruned bool) {
	t.Helper()
	schema := tenant.Tenant.SchemaName
	_, err := apptest.Superuser(t).Exec(t.Context(), "update "+schema+".events set created_at = $2 where id = $1", id, recorded)
	require.NoError(t, err)
	if pruned {
		_, err = apptest.Superuser(t).Exec(t.Context(),
			"delete from "+schema+".outbox_messages where seq = (select seq from "+schema+".events where id = $1)", id)
		require.NoError(t, err)
		return
	}
	_, err = apptest.Superuser(t).Exec(t.Context(), "update "+schema+".outbox_messages set created_at = $2, published_at = $3 where seq = (select seq from "+
		schema+".events where id = $1)", id, recorded, published)
	require.NoError(t, err)
}

func TestRepublishLeavesWhatAHandlerHasStillToTake(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	w := listen(t, tenant)
	_, ids := opened(t, tenant, "strict", 2)
	republish(t, tenant, lately())
	w.await(t, ids, append(append([]string{}, ids...), ids...))
	require.Eventually(t, func() bool { return messageStatus(t, tenant, ids[0]) == outbox.Failed }, patience, interval)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed, ids[1]: outbox.Waiting}, statuses(t, tenant, "strict"))
	require.Equal(t, outbox.Retrying, messageStatus(t, tenant, ids[1]))
	require.Empty(t, desk.takenBy("strict", ids...))
}

func TestRepublishKeepsNewEventsBehindTheOldOnes(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 6)
	k.record(t, ids[:3]...)
	tenant.Settle(t)
	paused(t, tenant)
	w := listen(t, tenant)
	republish(t, tenant, lately())
	k.record(t, ids[3:]...)
	require.Zero(t, republish(t, tenant, lately()), "what is on its way is not sent twice")
	require.Equal(t, map[string]string{ids[0]: outbox.Retrying, ids[1]: outbox.Waiting, ids[2]: outbox.Waiting},
		onlyOf(statuses(t, tenant, "broker"), ids))
	resumed(t, tenant)
	awaitDelivered(t, tenant)
	w.await(t, ids, ids)
	require.Equal(t, ids, desk.takenBy("strict", ids...))
}

func onlyOf(statuses map[string]string, ids []string) map[string]string {
	found := map[string]string{}
	for _, id := range ids {
		if status, ok := statuses[id]; ok {
			found[id] = status
		}
	}
	return found
}

func TestRepublishOfMoreThanABatch(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	const published, aggregates = 2500, 500
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec(`with e as (
				insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
				select gen_random_uuid(), 'Bulk.made', 'Bulk', md5((n % $2::integer)::text)::uuid,
				       n / $2::integer + 1, 'tester', 'test', '{}', $3
				from generate_series(0, $1::integer - 1) n returning seq, created_at)
			insert into outbox_messages (seq, status, attempts, created_at, published_at)
			select seq, 'published', 1, created_at, created_at from e`, published, aggregates, tx.Now).Error
	}))
	tenant.Settle(t)
	require.GreaterOrEqual(t, republish(t, tenant, lately()), published)
	awaitDelivered(t, tenant)
	versions := map[string]string{}
	for _, m := range tenant.Published(t) {
		if m.Name() == "Bulk.made" {
			versions[m.Header.Get("ce-subject")] += m.Header.Get("ce-aggregateversion")
		}
	}
	require.Len(t, versions, aggregates)
	for subject, sent := range versions {
		require.Equal(t, "12345", sent, subject)
	}
}

func TestRepublishRefusesATimeThatIsNone(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	now := time.Now()
	for _, period := range []outbox.Period{
		{}, {Since: now.Add(time.Hour)}, {Since: now, Until: now}, {Until: now},
	} {
		_, err := newService().Republish(context.Background(), apptest.Operator(), tenant.Slug, period)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
	names, _ := controlEvents(t, tenant)
	require.Empty(t, names)
}
