package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// handlerItem is a handler as the list shows it.
func handlerItem(t *testing.T, name string) map[string]any {
	t.Helper()
	var page list
	apptest.OperatorClient(t).Get(t, "/admin/v1/handlers").Require(t, http.StatusOK).JSON(t, &page)
	for _, item := range page.Items {
		if item["handler"] == name {
			return item
		}
	}
	return nil
}

func TestHandlersGoFromPageToPage(t *testing.T) {
	t.Parallel()
	client := apptest.OperatorClient(t)
	var names []any
	for cursor := ""; ; {
		var page struct {
			Items      []map[string]any `json:"items"`
			NextCursor *string          `json:"next_cursor"`
		}
		client.Get(t, "/admin/v1/handlers?limit=1&cursor="+cursor).Require(t, http.StatusOK).JSON(t, &page)
		require.Len(t, page.Items, 1)
		names = append(names, page.Items[0]["handler"])
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	require.GreaterOrEqual(t, len(names), 3)
	require.Contains(t, names, "parcels")
	client.Get(t, "/admin/v1/handlers?cursor=nonsense").Require(t, http.StatusBadRequest)
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// TestAHandlerIsPausedForAllTenantsAndGoesOnInOrder has a handler of its own, because a pause is everybody's.
func TestAHandlerIsPausedForAllTenantsAndGoesOnInOrder(t *testing.T) {
	t.Parallel()
	one, other := apptest.New(t), apptest.New(t)
	client := apptest.OperatorClient(t)
	require.JSONEq(t, `{"handler":"parcels","events":["Parcel.sent"],"destination":"carrier","registered":true,"paused":false,
		"paused_at":null,"paused_clusters":[]}`, encoded(t, handlerItem(t, "parcels")))
	require.Empty(t, handlerItem(t, "ledger")["destination"], "it calls nothing")
	require.Equal(t, "strict", handlerItem(t, "strict")["destination"])

	require.JSONEq(t, `{"handler":"parcels","paused":true}`,
		string(client.Post(t, "/admin/v1/handlers/parcels/pause", nil).Require(t, http.StatusOK).Body))
	paused := handlerItem(t, "parcels")
	require.Equal(t, true, paused["paused"])
	require.Equal(t, []any{"main"}, paused["paused_clusters"])
	_, _ = succeed(t, "outbox", "pause", "--handler", "parcels")
	require.Equal(t, paused, handlerItem(t, "parcels"), "paused already")
	result, _ := succeed(t, "outbox", "handlers")
	require.Contains(t, rowOf(t, result, "parcels")["paused"], "main")

	k := &ticket{tenant: one, id: newTicket(one).id, event: "Parcel.sent"}
	m := &ticket{tenant: other, id: newTicket(other).id, event: "Parcel.sent"}
	var ids, theirs []string
	require.Eventually(t, func() bool { // the workers have noticed when something waits
		ids, theirs = append(ids, newIDs(t, 1)...), append(theirs, newIDs(t, 1)...)
		k.record(t, ids[len(ids)-1])
		m.record(t, theirs[len(theirs)-1])
		return len(statuses(t, one, "parcels")) >= 2 && len(statuses(t, other, "parcels")) >= 2
	}, patience, 100*interval)
	for _, tenant := range []*apptest.Tenant{one, other} {
		var spent int64
		require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
			return tx.DB.Raw("select coalesce(max(attempts), 0) from deliveries").Scan(&spent).Error
		}))
		require.Zero(t, spent)
	}

	_, value := succeed(t, "outbox", "resume", "--handler", "parcels")
	require.Equal(t, map[string]any{"handler": "parcels", "paused": false}, value)
	awaitDelivered(t, one)
	awaitDelivered(t, other)
	require.Equal(t, ids, desk.takenBy("parcels", ids...))
	require.Equal(t, theirs, desk.takenBy("parcels", theirs...))
	require.Equal(t, false, handlerItem(t, "parcels")["paused"])
	requirePausesRecorded(t)
}

func requirePausesRecorded(t *testing.T) {
	t.Helper()
	var text string
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), `select string_agg(name, ' ' order by seq) from control.events
		where tenant_id = $1 and data = '{"handler": "parcels"}'`, tenants.NoTenant).Scan(&text))
	require.Equal(t, "Handler.pause_requested Handler.pause_requested Handler.resume_requested", text)
}

// TestAPausedHandlerThatIsGoneCanBeResumed has one that no module has any more, with a name that a path
// has to encode.
func TestAPausedHandlerThatIsGoneCanBeResumed(t *testing.T) {
	t.Parallel()
	_, err := apptest.Superuser(t).Exec(t.Context(), `insert into dispatch.paused_handlers values ('of old', now())`)
	require.NoError(t, err)
	require.Equal(t, false, handlerItem(t, "of old")["registered"])
	client := apptest.OperatorClient(t)
	client.Post(t, "/admin/v1/handlers/of%20old/resume", nil).Require(t, http.StatusOK)
	require.Nil(t, handlerItem(t, "of old"))
	client.Post(t, "/admin/v1/handlers/of%20old/resume", nil).Require(t, http.StatusNotFound)
}

func TestCommandPauseTakesATenantOrAHandler(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"pause", "resume"} {
		for _, line := range [][]string{{"outbox", word}, {"outbox", word, "acme", "--handler", "parcels"}} {
			_, err := run(t, line...)
			require.Equal(t, fault.Invalid, fault.KindOf(err), line)
		}
		_, err := run(t, "outbox", word, "--handler", "broker")
		require.Equal(t, "broker_is_no_handler", fault.CodeOf(err))
		_, err = run(t, "outbox", word, "--handler", "nobody")
		require.Equal(t, "handler_not_found", fault.CodeOf(err))
		_, err = run(t, "outbox", word, "--handler", "")
		require.Error(t, err)
	}
}

// TestAPauseNamesTheClusterThatIsAway has a handler that only this service knows.
func TestAPauseNamesTheClusterThatIsAway(t *testing.T) {
	t.Parallel()
	settings := apptest.Settings()
	settings.Clusters = map[string]config.Cluster{"away": {URL: "postgres://nobody@127.0.0.1:1/nothing"}}
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	service := outbox.NewService(clusters, tenants.NewService(clusters, nil), workers.Handler{Name: "lonely", Events: []string{"*"}})
	for _, verb := range []func(context.Context, tenants.Actor, string) error{service.PauseHandler, service.ResumeHandler} {
		problem, ok := errors.AsType[*fault.Error](verb(t.Context(), apptest.Operator(), "lonely"))
		require.True(t, ok)
		require.Equal(t, fault.Unavailable, problem.Kind)
		require.Contains(t, problem.Message, "away")
		require.NotContains(t, problem.Message, "nobody")
		list, err := service.Handlers(t.Context(), apptest.Operator())
		require.NoError(t, err)
		require.Equal(t, []string{"away"}, list.Unavailable)
		for _, h := range list.Handlers {
			if h.Name == "lonely" && h.PausedAt != nil {
				require.Equal(t, []string{tenants.HomeCluster}, h.PausedOn, "the others are done")
			}
		}
	}
}

func TestHandlersAreForOperators(t *testing.T) {
	t.Parallel()
	admin := apptest.New(t).Actor(tenants.Admin)
	for _, err := range []error{
		newService().PauseHandler(t.Context(), admin, "parcels"), newService().ResumeHandler(t.Context(), admin, "parcels"),
	} {
		problem, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, fault.Forbidden, problem.Kind)
	}
	_, err := newService().Handlers(t.Context(), admin)
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
}
