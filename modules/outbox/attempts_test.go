package outbox_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
)

// refusedThrice is an event that a handler refused until its attempts were spent, and another that it took.
func refusedUntilDead(t *testing.T, tenant *apptest.Tenant) (refused, taken string) {
	t.Helper()
	k, ids := newTicket(tenant), newIDs(t, 1)
	desk.refuse(errLater, "strict", ids...)
	k.record(t, ids...)
	require.Eventually(t, func() bool { return statuses(t, tenant, "strict")[ids[0]] == outbox.Failed }, patience, interval)
	other, others := newTicket(tenant), newIDs(t, 1)
	other.record(t, others...)
	tenant.Settle(t)
	return ids[0], others[0]
}

func TestAttemptsTellOfEachFailure(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	refused, taken := refusedUntilDead(t, tenant)
	client, path := apptest.OperatorClient(t), "/admin/v1/tenants/"+tenant.Slug+"/deliveries/"
	var all []map[string]any
	for next := path + refused + "/attempts?limit=5"; ; {
		var page list
		client.Get(t, next).Require(t, http.StatusOK).JSON(t, &page)
		require.LessOrEqual(t, len(page.Items), 5)
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			break
		}
		next = path + refused + "/attempts?limit=5&cursor=" + url.QueryEscape(*page.NextCursor)
	}
	require.Len(t, all, 12, "as many as the settings allow")
	for i, attempt := range all {
		require.Equal(t, "strict", attempt["handler"])
		require.InDelta(t, i+1, attempt["attempt"], 0)
		require.Equal(t, errLater.Error(), attempt["error"])
		require.GreaterOrEqual(t, attempt["took_ms"], 0.0)
		require.NotEmpty(t, attempt["started_at"])
	}
	require.JSONEq(t, `{"items":[],"next_cursor":null}`,
		string(client.Get(t, path+taken+"/attempts").Require(t, http.StatusOK).Body), "success writes nothing")

	result, value := succeed(t, "outbox", "attempts", "--tenant", tenant.Slug, "--event", refused)
	require.Len(t, result.Rows, 12)
	require.Equal(t, errLater.Error(), rowOf(t, result, "strict")["error"])
	require.Len(t, value["items"], 12)
	_, err := run(t, "outbox", "attempts", "--tenant", apptest.New(t).Slug, "--event", refused)
	require.Equal(t, "event_not_found", fault.CodeOf(err), "another tenant's event")
	_, err = run(t, "outbox", "attempts")
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func TestAReplayKeepsWhatFailedBefore(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	for range 2 {
		_, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return statuses(t, tenant, "strict")[ids[0]] == outbox.Failed }, patience, interval)
	}
	desk.refuse(nil, "strict", ids...)
	_, err := newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	awaitDelivered(t, tenant)
	page, err := newService().Attempts(t.Context(), apptest.Operator(), tenant.Slug, ids[0], outbox.AttemptFilter{})
	require.NoError(t, err)
	require.Len(t, page.Attempts, 3)
	require.True(t, page.Attempts[0].StartedAt.Before(page.Attempts[2].StartedAt))
	for _, attempt := range page.Attempts {
		require.Equal(t, 1, attempt.Attempt, "a replay begins anew")
	}
}

func TestATenantThatIsNotMigratedYetHasNoAttempts(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, err := apptest.Superuser(t).Exec(t.Context(), `drop table "`+tenant.Tenant.SchemaName+`".delivery_attempts`)
	require.NoError(t, err)
	_, ids := opened(t, tenant, "strict", 1)
	page, err := newService().Attempts(t.Context(), apptest.Operator(), tenant.Slug, ids[0], outbox.AttemptFilter{})
	require.NoError(t, err)
	require.Empty(t, page.Attempts)
}
