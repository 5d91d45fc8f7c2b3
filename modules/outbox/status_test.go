package outbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// allStatuses reads page after page.
func allStatuses(tb testing.TB, service *outbox.Service, limit int) (all []outbox.TenantStatus, unavailable []string) {
	tb.Helper()
	filter := outbox.StatusFilter{Limit: limit}
	for {
		page, err := service.Status(context.Background(), apptest.Operator(), filter)
		require.NoError(tb, err)
		all, unavailable = append(all, page.Tenants...), append(unavailable, page.Unavailable...)
		require.LessOrEqual(tb, len(page.Tenants), limit)
		if page.Next == "" {
			return all, unavailable
		}
		require.Len(tb, page.Tenants, limit)
		filter.Cursor = page.Next
	}
}

func statusOf(tb testing.TB, tenant *apptest.Tenant) outbox.TenantStatus {
	tb.Helper()
	all, _ := allStatuses(tb, newService(), rest.MaxLimit)
	for _, status := range all {
		if status.TenantID == tenant.Tenant.ID {
			return status
		}
	}
	require.FailNow(tb, "the tenant is missing")
	return outbox.TenantStatus{}
}

func TestStatusShowsHowFarPublishingIs(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, _ = opened(t, tenant, "strict", 3)
	require.Eventually(t, func() bool { return statusOf(t, tenant).LastVisitedAt != nil }, patience, interval)
	status := statusOf(t, tenant)
	require.Equal(t, tenant.Slug, status.Slug)
	require.Equal(t, "main", status.Cluster)
	require.Zero(t, status.Unpublished)
	require.Nil(t, status.OldestUnpublishedAt)
	require.EqualValues(t, 2, status.Retrying)
	require.EqualValues(t, 1, status.Failed)
	require.NotEmpty(t, status.Holder)
	require.NotNil(t, status.LeaseExpiresAt)
	require.False(t, status.Paused)
}

func TestStatusGoesFromPageToPage(t *testing.T) {
	t.Parallel()
	mine := map[string]bool{}
	for range 3 {
		mine[apptest.New(t).Tenant.ID] = true
	}
	for _, limit := range []int{1, 2, 200} {
		all, unavailable := allStatuses(t, newService(), limit)
		require.Empty(t, unavailable)
		seen := map[string]int{}
		for i, status := range all {
			seen[status.TenantID]++
			if i > 0 {
				require.Less(t, all[i-1].Slug, status.Slug)
			}
		}
		for id := range mine {
			require.Equal(t, 1, seen[id])
		}
	}
}

func TestStatusNamesAClusterThatIsDown(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	settings := apptest.Settings()
	settings.Clusters = map[string]config.Cluster{"down": {URL: "postgres://nobody@127.0.0.1:1/nothing"}}
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	all, unavailable := allStatuses(t, outbox.NewService(clusters, tenants.NewService(clusters, nil)), rest.MaxLimit)
	require.Equal(t, []string{"down"}, unavailable)
	var ids []string
	for _, status := range all {
		ids = append(ids, status.TenantID)
	}
	require.Contains(t, ids, tenant.Tenant.ID)
}

func TestStatusEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newService().Status(ctx, apptest.Operator(), outbox.StatusFilter{})
	require.ErrorIs(t, err, context.Canceled)
}

func cursorOf(t *testing.T, cluster, slug string) string {
	t.Helper()
	cursor, err := rest.EncodeCursor(struct {
		Cluster string `json:"c"`
		Slug    string `json:"s"`
	}{cluster, slug})
	require.NoError(t, err)
	return cursor
}

func TestStatusRefusesWhatIsNoPage(t *testing.T) {
	t.Parallel()
	for _, filter := range []outbox.StatusFilter{
		{Limit: -1}, {Limit: 201}, {Cursor: "%"}, {Cursor: "e30"}, {Cursor: cursorOf(t, "mars", "acme")}, {Cursor: cursorOf(t, "main", "\x00")},
	} {
		_, err := newService().Status(t.Context(), apptest.Operator(), filter)
		require.Equal(t, fault.Malformed, fault.KindOf(err), "%+v", filter)
	}
}
