package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
)

// ledgerRow is what the workers' table says about a tenant.
type ledgerRow struct {
	expires time.Time
	oldest  *time.Time
	visited *time.Time
}

func ledgerOf(t *testing.T, tenant *apptest.Tenant) (row ledgerRow) {
	t.Helper()
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), `
		select case when isfinite(expires_at) then expires_at else 'epoch' end, oldest_unpublished_at, last_visited_at
		from dispatch.ledger where tenant_id = $1`, tenant.Tenant.ID).Scan(&row.expires, &row.oldest, &row.visited))
	return row
}

// awaitRenewal waits until whoever holds the tenant's lease renewed it, and so read whether it is paused.
func awaitRenewal(t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	before := ledgerOf(t, tenant).expires
	require.Eventually(t, func() bool {
		now := ledgerOf(t, tenant).expires
		return now.After(before) || now.Before(time.Now())
	}, patience, interval)
}

// paused pauses a tenant and waits until its worker has noticed.
func paused(t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	_, err := newService().Pause(t.Context(), apptest.Operator(), tenant.Slug)
	require.NoError(t, err)
	awaitRenewal(t, tenant)
	awaitRenewal(t, tenant)
}

func resumed(t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	_, err := newService().Resume(t.Context(), apptest.Operator(), tenant.Slug)
	require.NoError(t, err)
}

func TestPauseStopsPublishingAndResumeGoesOn(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	before := len(tenant.Published(t))
	paused(t, tenant)
	k, ids := newTicket(tenant), newIDs(t, 3)
	k.record(t, ids...)

	// The sweep saw that something waits, and the lease was renewed after that: nobody took it.
	require.Eventually(t, func() bool { return ledgerOf(t, tenant).oldest != nil }, patience, interval)
	awaitRenewal(t, tenant)
	require.Equal(t, 3, tenant.Backlog(t).Unpublished)
	require.Len(t, tenant.Published(t), before)
	status := statusOf(t, tenant)
	require.True(t, status.Paused)
	require.EqualValues(t, 3, status.Unpublished)
	require.Positive(t, status.OldestAge)

	resumed(t, tenant)
	tenant.Settle(t)
	require.Len(t, tenant.Published(t), before+3)
	require.Equal(t, ids, desk.takenBy("strict", ids...))
	require.False(t, statusOf(t, tenant).Paused)
	names, _ := controlEvents(t, tenant)
	require.Equal(t, []string{"Outbox.pause_requested", "Outbox.resume_requested"}, names)
}

func TestPauseTwiceIsPaused(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for range 2 {
		paused, err := newService().Pause(t.Context(), apptest.Operator(), tenant.Slug)
		require.NoError(t, err)
		require.Equal(t, tenant.Slug, paused.Slug)
		require.True(t, statusOf(t, tenant).Paused)
	}
}
