package workers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// lease takes a tenant's lease as a pool does.
func (l *lab) lease(tenant tenants.Tenant, holder string) workers.Lease {
	l.t.Helper()
	lease := workers.Lease{Placement: tenant.Placement(), Holder: holder}
	require.NoError(l.t, l.cluster.Pool().QueryRow(l.t.Context(),
		`select fence from dispatch.acquire($1::uuid[], $2, interval '1 minute') where held`,
		[]string{tenant.ID}, holder).Scan(&lease.Fence))
	return lease
}

func TestCompletingWhatSomebodyElseChangedIsStaleAndChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 3, 3)
	lease := l.lease(tenant, "first")
	batch, err := l.source.Read(t.Context(), lease, workers.Want{Messages: 10})
	require.NoError(t, err)
	require.Len(t, batch.Messages, 3)
	outcomes := make([]workers.Outcome, 3)
	for i, m := range batch.Messages {
		outcomes[i] = workers.Outcome{Seq: m.Seq, LockVersion: m.LockVersion, Event: &m.Event}
	}
	// The first is completed already, the second parked; the repeat must not undo either.
	outcomes[1].Parked = []workers.Verdict{{Handler: "h", Attempts: 1, NextAttemptAt: time.Now(), Error: "no"}}
	stale, err := l.source.Complete(t.Context(), lease, outcomes[:2], nil)
	require.NoError(t, err)
	require.Zero(t, stale)
	before := l.text(`select string_agg(m::text, ' ' order by seq) from %s.outbox_messages m where seq < 3`, tenant.SchemaName)

	repeat := slices.Clone(outcomes)
	repeat[0].Parked = []workers.Verdict{{Handler: "late", NextAttemptAt: time.Now()}}
	repeat[1].Parked = nil
	stale, err = l.source.Complete(t.Context(), lease, repeat, nil)
	require.NoError(t, err)
	require.Equal(t, 2, stale)
	require.Equal(t, before, l.text(`select string_agg(m::text, ' ' order by seq) from %s.outbox_messages m where seq < 3`, tenant.SchemaName))
	require.Equal(t, 1, l.withStatus(tenant, "published")-l.count(`select count(*) from %s.outbox_messages where seq = 3 and status = 'published'`, tenant.SchemaName))
	require.Equal(t, 1, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName), "no delivery of a stale outcome")

	due, err := l.source.Read(t.Context(), lease, workers.Want{Deliveries: 10})
	require.NoError(t, err)
	require.Len(t, due.Deliveries, 1)
	retried := []workers.Retried{{Delivery: due.Deliveries[0]}}
	for _, wanted := range []int{0, 1} { // the second time it is gone
		stale, err = l.source.Complete(t.Context(), lease, nil, retried)
		require.NoError(t, err)
		require.Equal(t, wanted, stale)
	}
	require.Equal(t, 3, l.withStatus(tenant, "published"))
}

func TestAnOldFenceMayWriteNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 2, 1)
	old := l.lease(tenant, "first")
	batch, err := l.source.Read(t.Context(), old, workers.Want{Messages: 10})
	require.NoError(t, err)
	l.execf(`update dispatch.ledger set expires_at = clock_timestamp() where tenant_id = '%s'`, tenant.ID)
	current := l.lease(tenant, "second")
	require.Equal(t, old.Fence+1, current.Fence)

	outcomes := []workers.Outcome{{Seq: batch.Messages[0].Seq, LockVersion: batch.Messages[0].LockVersion, Event: &batch.Messages[0].Event}}
	for _, lease := range []workers.Lease{
		old,
		{Placement: current.Placement, Holder: "first", Fence: current.Fence},
		{Placement: current.Placement, Holder: "second", Fence: old.Fence},
	} {
		_, err = l.source.Complete(t.Context(), lease, outcomes, nil)
		require.ErrorIs(t, err, workers.ErrLeaseLost)
		require.ErrorIs(t, l.source.Apply(t.Context(), lease, counter(), batch.Messages[0].Event), workers.ErrLeaseLost)
	}
	require.Equal(t, 2, l.withStatus(tenant, "unpublished"))
	require.Zero(t, l.count(`select count(*) from %s.inbox`, tenant.SchemaName))
	stale, err := l.source.Complete(t.Context(), current, outcomes, nil)
	require.NoError(t, err)
	require.Zero(t, stale)
}
