package outbox_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// list is a page of anything.
type list struct {
	Items       []map[string]any `json:"items"`
	NextCursor  *string          `json:"next_cursor"`
	Unavailable []string         `json:"unavailable_clusters"`
}

func TestHTTPShowsTheOutboxOfEveryTenant(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	opened(t, tenant, "strict", 2)
	client, found := apptest.OperatorClient(t), map[string]any(nil)
	for path := "/admin/v1/outbox?limit=2"; ; {
		var page list
		client.Get(t, path).Require(t, http.StatusOK).JSON(t, &page)
		require.NotNil(t, page.Unavailable)
		for _, item := range page.Items {
			if item["slug"] == tenant.Slug {
				found = item
			}
		}
		if page.NextCursor == nil {
			break
		}
		path = "/admin/v1/outbox?limit=2&cursor=" + url.QueryEscape(*page.NextCursor)
	}
	require.Equal(t, tenant.Tenant.ID, found["tenant_id"])
	require.InDelta(t, 1, found["failed"], 0)
	require.InDelta(t, 1, found["retrying"], 0)
	require.InDelta(t, 0, found["unpublished"], 0)
	require.InDelta(t, 0, found["oldest_age_seconds"], 0)
	for _, key := range []string{"last_visited_at", "oldest_unpublished_at", "holder", "lease_expires_at", "paused", "cluster"} {
		require.Contains(t, found, key)
	}
}

func TestHTTPListsReplaysAndSkipsDeliveries(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := opened(t, tenant, "strict", 2)
	_, others := opened(t, tenant, "strict", 1)
	client, path := apptest.OperatorClient(t), "/admin/v1/tenants/"+tenant.Slug+"/deliveries"
	var page list
	client.Get(t, path+"?status=failed&limit=1").Require(t, http.StatusOK).JSON(t, &page)
	require.Len(t, page.Items, 1)
	require.NotNil(t, page.NextCursor)
	d := page.Items[0]
	require.Equal(t, ids[0], d["event_id"])
	require.Equal(t, map[string]any{"type": "Ticket", "id": k.id}, d["aggregate"])
	require.Nil(t, d["next_attempt_at"])
	require.Equal(t, errNever.Error(), d["last_error"])
	client.Get(t, path+"?status=failed&limit=1&cursor="+*page.NextCursor).Require(t, http.StatusOK).JSON(t, &page)
	require.Equal(t, others[0], page.Items[0]["event_id"])
	require.Nil(t, page.NextCursor)

	var skipped map[string]any
	client.Post(t, path+"/skip", map[string]any{"event_id": others[0], "handler": "strict"}).
		Require(t, http.StatusOK).JSON(t, &skipped)
	require.Equal(t, map[string]any{"event_id": others[0], "handler": "strict", "event_status": "published"}, skipped)
	desk.refuse(nil, "strict", ids...)
	require.JSONEq(t, `{"replayed":1}`, string(client.Post(t, path+"/replay", map[string]any{"event_ids": ids[:1]}).
		Require(t, http.StatusOK).Body))
	awaitDelivered(t, tenant)
	require.JSONEq(t, `{"replayed":0}`, string(client.Post(t, path+"/replay", `{"all":true}`).Require(t, http.StatusOK).Body))
}

func TestHTTPReplaysByHandlerAndTime(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 2)
	client, path := apptest.OperatorClient(t), "/admin/v1/tenants/"+tenant.Slug+"/deliveries/replay"
	desk.refuse(nil, "strict", ids...)
	for body, replayed := range map[string]string{
		`{"handler":"ledger"}`:             `{"replayed":0}`,
		`{"to":"2020-01-01T00:00:00Z"}`:    `{"replayed":0}`,
		`{"from":"2120-01-01T00:00:00Z"}`:  `{"replayed":0}`,
		`{"all":true,"handler":"parcels"}`: `{"replayed":0}`,
		`{"event_ids":["` + ids[1] + `"]}`: `{"replayed":0}`, // it is not dead, it waits
	} {
		require.JSONEq(t, replayed, string(client.Post(t, path, body).Require(t, http.StatusOK).Body), body)
	}
	body := `{"handler":"strict","from":"2020-01-01T00:00:00Z","to":"2120-01-01T00:00:00Z"}`
	require.JSONEq(t, `{"replayed":1}`, string(client.Post(t, path, body).Require(t, http.StatusOK).Body))
	awaitDelivered(t, tenant)
	require.Equal(t, ids, desk.takenBy("strict", ids...))
}

func TestHTTPPausesResumesAndRepublishes(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	client, path := apptest.OperatorClient(t), "/admin/v1/tenants/"+tenant.Slug+"/outbox"
	require.JSONEq(t, `{"slug":"`+tenant.Slug+`","paused":true}`,
		string(client.Post(t, path+"/pause", nil).Require(t, http.StatusOK).Body))
	require.True(t, statusOf(t, tenant).Paused)
	require.JSONEq(t, `{"slug":"`+tenant.Slug+`","paused":false}`,
		string(client.Post(t, path+"/resume", nil).Require(t, http.StatusOK).Body))
	var answer struct{ Republished int }
	client.Post(t, path+"/republish", `{"since":"2020-01-02T00:00:00Z"}`).Require(t, http.StatusOK).JSON(t, &answer)
	require.Equal(t, len(tenant.Published(t)), answer.Republished)
	awaitDelivered(t, tenant)
	client.Post(t, path+"/republish", `{"since":"2020-01-02T00:00:00Z","until":"2020-01-01T00:00:00Z"}`).
		Require(t, http.StatusUnprocessableEntity)
}

func TestHTTPRefusesWhatTheContractRefuses(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	_, theirs := opened(t, other, "strict", 1)
	path := "/admin/v1/tenants/" + tenant.Slug
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"another's event":    {http.MethodPost, path + "/deliveries/replay", `{"event_ids":["` + theirs[0] + `"]}`, 404, "event_not_found"},
		"no such tenant":     {http.MethodPost, "/admin/v1/tenants/nobody/deliveries/replay", `{"all":true}`, 404, "tenant_not_found"},
		"no such delivery":   {http.MethodPost, path + "/deliveries/skip", `{"event_id":"` + ids[0] + `","handler":"x"}`, 404, "delivery_not_found"},
		"nothing selected":   {http.MethodPost, path + "/deliveries/replay", `{}`, 422, "invalid"},
		"not a uuid":         {http.MethodPost, path + "/deliveries/replay", `{"event_ids":["x"]}`, 422, "invalid"},
		"unknown field":      {http.MethodPost, path + "/deliveries/replay", `{"every":true}`, 422, "invalid"},
		"broken":             {http.MethodPost, path + "/deliveries/replay", `{`, 400, ""},
		"another's attempts": {http.MethodGet, path + "/deliveries/" + theirs[0] + "/attempts", ``, 404, "event_not_found"},
		"bad attempt cursor": {http.MethodGet, path + "/deliveries/" + ids[0] + "/attempts?cursor=e30", ``, 400, "bad_cursor"},
		"no such handler":    {http.MethodPost, "/admin/v1/handlers/nobody/pause", ``, 404, "handler_not_found"},
		"resume of no one":   {http.MethodPost, "/admin/v1/handlers/nobody/resume", ``, 404, "handler_not_found"},
		"the broker":         {http.MethodPost, "/admin/v1/handlers/broker/pause", ``, 422, "broker_is_no_handler"},
		"bad status":         {http.MethodGet, path + "/deliveries?status=published", ``, 400, ""},
		"bad limit":          {http.MethodGet, path + "/deliveries?limit=201", ``, 400, ""},
		"bad cursor":         {http.MethodGet, path + "/deliveries?cursor=x", ``, 400, "bad_cursor"},
		"bad outbox cursor":  {http.MethodGet, "/admin/v1/outbox?cursor=x", ``, 400, "bad_cursor"},
		"since is missing":   {http.MethodPost, path + "/outbox/republish", `{}`, 422, "invalid"},
		"method not allowed": {http.MethodGet, path + "/outbox/pause", ``, 405, ""},
	} {
		var body any
		if c.body != "" {
			body = c.body
		}
		answer := apptest.OperatorClient(t).Do(t, c.method, c.path, body)
		require.Equal(t, c.status, answer.Status, "%s: %s", name, answer.Body)
		if c.code != "" {
			require.Equal(t, c.code, answer.Code(t), name)
		}
	}
	require.Equal(t, outbox.Failed, statuses(t, other, "strict")[theirs[0]])
}

func TestHTTPIsForOperatorTokens(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	path := "/admin/v1/tenants/" + tenant.Slug
	for _, c := range [][2]string{
		{http.MethodGet, "/admin/v1/outbox"},
		{http.MethodGet, path + "/deliveries"},
		{http.MethodPost, path + "/deliveries/replay"},
		{http.MethodPost, path + "/deliveries/skip"},
		{http.MethodPost, path + "/outbox/republish"},
		{http.MethodGet, path + "/deliveries/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11/attempts"},
		{http.MethodGet, "/admin/v1/handlers"},
		{http.MethodPost, "/admin/v1/handlers/parcels/pause"},
		{http.MethodPost, "/admin/v1/handlers/parcels/resume"},
		{http.MethodPost, path + "/outbox/pause"},
		{http.MethodPost, path + "/outbox/resume"},
	} {
		require.Equal(t, http.StatusUnauthorized, apptest.NewClient("").Do(t, c[0], c[1], nil).Status, c)
		require.Equal(t, http.StatusForbidden, tenant.Client(t, tenants.Admin).Do(t, c[0], c[1], nil).Status, c)
	}
}
