package outbox_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/outbox"
)

// ranks are the places of tenants in a list of the worst.
func ranks(t *testing.T, sort string) map[string]int {
	t.Helper()
	page, err := newService().Status(t.Context(), apptest.Operator(), outbox.StatusFilter{Sort: sort, Limit: rest.MaxLimit})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	all := map[string]int{}
	for i, status := range page.Tenants {
		all[status.TenantID] = i + 1
	}
	return all
}

func TestStatusFindsTheWorstTenants(t *testing.T) {
	t.Parallel()
	large, old, idle := apptest.New(t), apptest.New(t), apptest.New(t)
	for _, tenant := range []*apptest.Tenant{old, large} {
		tenant.Settle(t)
		_, err := newService().Pause(t.Context(), apptest.Operator(), tenant.Slug)
		require.NoError(t, err)
	}
	awaitRenewal(t, old)
	awaitRenewal(t, large)
	awaitRenewal(t, old)
	awaitRenewal(t, large)
	newTicket(old).record(t, newIDs(t, 5)...)
	newTicket(large).record(t, newIDs(t, 9)...)
	require.Eventually(t, func() bool { return statusOf(t, large).Backlog == 9 && statusOf(t, old).Backlog == 5 },
		patience, interval, "the ledger tells of both")

	require.EqualValues(t, 9, statusOf(t, large).Unpublished)
	byBacklog, byAge := ranks(t, outbox.SortBacklog), ranks(t, outbox.SortOldest)
	require.Less(t, byBacklog[large.Tenant.ID], byBacklog[old.Tenant.ID])
	require.Less(t, byAge[old.Tenant.ID], byAge[large.Tenant.ID])
	if place, ok := byAge[idle.Tenant.ID]; ok { // it may be beyond the limit
		require.Less(t, byAge[large.Tenant.ID], place)
		require.Less(t, byBacklog[old.Tenant.ID], byBacklog[idle.Tenant.ID])
	}

	result, value := succeed(t, "outbox", "status", "--sort", "backlog", "--limit", "1")
	require.Len(t, result.Rows, 1)
	require.Len(t, value["items"], 1)
	resumed(t, large)
	resumed(t, old)
}

func TestStatusShowsWhoWasNotVisitedForLongest(t *testing.T) {
	t.Parallel()
	apptest.New(t)
	page, err := newService().Status(t.Context(), apptest.Operator(), outbox.StatusFilter{Sort: outbox.SortVisited, Limit: 50})
	require.NoError(t, err)
	last := time.Time{}
	for _, status := range page.Tenants {
		if status.LastVisitedAt != nil {
			require.False(t, status.LastVisitedAt.Before(last))
			last = *status.LastVisitedAt
		}
	}
}

func TestTheWorstTenantsAreForOperatorsAndOnOnePage(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for _, filter := range []outbox.StatusFilter{
		{Sort: "size"},
		{Sort: outbox.SortOldest, Limit: 201},
		{Sort: outbox.SortOldest, Cursor: cursorOf(t, "main", "acme")},
	} {
		_, err := newService().Status(t.Context(), apptest.Operator(), filter)
		require.Equal(t, fault.Malformed, fault.KindOf(err), "%+v", filter)
	}
	tenant.Client(t).Get(t, "/admin/v1/outbox?sort=backlog").Require(t, http.StatusForbidden)
	var page list
	apptest.OperatorClient(t).Get(t, "/admin/v1/outbox?sort=oldest&limit=3").Require(t, http.StatusOK).JSON(t, &page)
	require.LessOrEqual(t, len(page.Items), 3)
	require.Nil(t, page.NextCursor)
	require.NotEmpty(t, page.Items)
	text, err := json.Marshal(page.Items[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "backlog_estimate")
}
