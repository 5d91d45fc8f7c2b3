package modules_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// noticed is how long another process may go on as before after a change of a tenant.
const noticed = time.Second

// TestSuspensionIsNoticedByEveryProcessWithinASecond suspends and resumes a tenant at one process while
// another, which knows the tenant, keeps being asked.
func TestSuspensionIsNoticedByEveryProcessWithinASecond(t *testing.T) {
	t.Parallel()
	other := startAPI(t, func(*config.Settings) {})
	e := newEstate(t)
	list, token := rules()["list-users"].about(existing(e)), e.Token(t, tenants.Admin)
	operator := apptest.OperatorClient(t)
	require.Equal(t, http.StatusOK, other.do(t, list, token).status)
	for _, step := range []struct {
		verb   string
		status int
	}{{"/suspend", http.StatusForbidden}, {"/resume", http.StatusOK}, {"/suspend", http.StatusForbidden}} {
		call{method: http.MethodPost, path: e.address(step.verb)}.do(t, operator).Require(t, http.StatusOK)
		requireNoticed(t, other, list, token, step.status)
		require.Equal(t, step.status, other.do(t, list, token).status, "it stays so")
	}
	refused := other.do(t, list, token)
	require.Contains(t, refused.body, `"code":"tenant_suspended"`)
	require.NotContains(t, refused.body, e.UserID)
}

// requireNoticed asks until the status is the expected one. What was asked for after a second must have
// been answered with it, so the last other answer was to an earlier request.
func requireNoticed(t *testing.T, p *process, c call, token string, status int) {
	t.Helper()
	changed := time.Now()
	for {
		got := p.do(t, c, token)
		if got.status == status {
			return
		}
		require.Less(t, got.began.Sub(changed), noticed, "still %d", got.status)
	}
}

// TestEventsOfASuspendedTenantStillDrain: its doors are closed, and what happened before is published.
func TestEventsOfASuspendedTenantStillDrain(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	pausePublishing(t, e)
	ids := []string{e.newUser(t, e.freshEmail()), e.newUser(t, e.freshEmail())}
	operator := apptest.OperatorClient(t)
	call{method: http.MethodPost, path: e.address("/suspend")}.do(t, operator).Require(t, http.StatusOK)
	awaitClosed(t, e)
	for _, id := range ids {
		require.Empty(t, publishedVersions(t, e, id))
	}
	call{method: http.MethodPost, path: e.address("/outbox/resume")}.do(t, operator).Require(t, http.StatusOK)
	e.Settle(t)
	for _, id := range ids {
		require.Equal(t, []string{"1"}, publishedVersions(t, e, id))
	}
	require.Equal(t, tenants.Suspended, statusOf(t, e))
}

// pausePublishing waits until the tenant's worker has noticed that it is to stop, which it does when it
// renews its lease for the second time.
func pausePublishing(t *testing.T, e *estate) {
	t.Helper()
	call{method: http.MethodPost, path: e.address("/outbox/pause")}.do(t, apptest.OperatorClient(t)).Require(t, http.StatusOK)
	for range 2 {
		var before string
		scan(t, &before, "select expires_at::text from dispatch.ledger where tenant_id = $1", e.Tenant.Tenant.ID)
		require.Eventually(t, func() bool {
			var renewed bool
			err := apptest.Superuser(t).QueryRow(t.Context(), `select expires_at > $2::timestamptz or expires_at < now()
				from dispatch.ledger where tenant_id = $1`, e.Tenant.Tenant.ID, before).Scan(&renewed)
			return err == nil && renewed
		}, patience, interval)
	}
}

func statusOf(t *testing.T, e *estate) tenants.Status {
	t.Helper()
	tenant, err := apptest.Tenants().Get(t.Context(), apptest.Operator(), e.Slug)
	require.NoError(t, err)
	return tenant.Status
}
