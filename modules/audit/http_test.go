package audit_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// loadOne writes one published event of known values.
const loadOne = `
	insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
	values ('01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11', 'Order.sent', 'Order', '01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f22', 7, 'ada', 'request-1',
	        '{"to": "<Ada & Bob>"}', '2026-01-02 03:04:05.6789+01');
	insert into outbox_messages (seq, status, attempts, created_at, published_at)
	select seq, 'published', 2, created_at, '2026-01-02 03:04:06+01' from events where actor_id = 'ada';`

const one = `{"id":"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11","name":"Order.sent",` +
	`"aggregate":{"type":"Order","id":"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f22","version":7},"actor_id":"ada","request_id":"request-1",` +
	`"data":{"to":"<Ada & Bob>"},"created_at":"2026-01-02T02:04:05.678900Z","status":"published","attempts":2,"published_at":"2026-01-02T02:04:06.000000Z"}`

func TestEventsAreShownAsTheyWereRecorded(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	superuserExec(t, tenant, loadOne)
	auditor := tenant.Client(t, tenants.Auditor)
	got := auditor.Get(t, "/v1/events/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11").Require(t, http.StatusOK)
	require.Equal(t, one+"\n", string(got.Body))
	for _, query := range []string{
		"name=Order.sent", "aggregate_type=Order", "aggregate_id=01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f22", "actor_id=ada",
		"from=2026-01-02T02:04:05.6789Z&to=2026-01-02T02:04:05.678901Z", "status=published&actor_id=ada",
		"name=Order.sent&aggregate_type=Order&aggregate_id=01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f22&actor_id=ada&status=published",
		"to=2026-01-02T03:04:05.678900001%2B01:00",
	} {
		list := auditor.Get(t, "/v1/events?"+query).Require(t, http.StatusOK)
		require.Equal(t, `{"items":[`+one+`],"next_cursor":null}`+"\n", string(list.Body), query)
	}
	for _, query := range []string{
		"name=order.sent", "aggregate_type=order", "actor_id=bob", "to=2026-01-02T02:04:05.6789Z", "name=Order.sent&aggregate_type=User",
		"from=2026-01-02T02:04:05.678900001Z&to=2026-01-03T00:00:00Z", "status=failed", "aggregate_id=01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f23",
	} {
		list := auditor.Get(t, "/v1/events?"+query).Require(t, http.StatusOK)
		require.Equal(t, `{"items":[],"next_cursor":null}`+"\n", string(list.Body), query)
	}
}

func TestAPrunedEventReadsAsPublished(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	superuserExec(t, tenant, loadOne+"delete from outbox_messages")
	pruned := regexp.MustCompile(`"attempts":.*$`).ReplaceAllString(one, `"attempts":null,"published_at":null}`)
	got := tenant.Client(t, tenants.Admin).Get(t, "/v1/events/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11").Require(t, http.StatusOK)
	require.Equal(t, pruned+"\n", string(got.Body))
	list := tenant.Client(t, tenants.Admin).Get(t, "/v1/events?status=published&to=2026-01-03T00:00:00Z").Require(t, http.StatusOK)
	require.Equal(t, `{"items":[`+pruned+`],"next_cursor":null}`+"\n", string(list.Body))
}

func TestWhatTheProgramRecordsIsShown(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	var page struct {
		Items []struct {
			Name, Status string
			Attempts     int
		}
	}
	tenant.Client(t, tenants.Admin).Get(t, "/v1/events?status=published").Require(t, http.StatusOK).JSON(t, &page)
	require.NotEmpty(t, page.Items)
	require.Equal(t, "published", page.Items[0].Status)
	require.Equal(t, 1, page.Items[0].Attempts)
}

func TestOnlyAdminsAndAuditorsOfTheTenantRead(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	superuserExec(t, tenant, loadOne)
	for _, path := range []string{"/v1/events", "/v1/events/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11"} {
		for role, status := range map[tenants.Role]int{
			tenants.Admin: http.StatusOK, tenants.Auditor: http.StatusOK, tenants.Member: http.StatusForbidden,
		} {
			tenant.Client(t, role).Get(t, path).Require(t, status)
		}
	}
	theirs := other.Client(t, tenants.Auditor)
	require.Equal(t, "event_not_found", theirs.Get(t, "/v1/events/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11").Require(t, http.StatusNotFound).Code(t))
	require.NotContains(t, string(theirs.Get(t, "/v1/events", "X-Tenant", tenant.Slug).Require(t, http.StatusOK).Body), "Order.sent")
	theirs.Get(t, "/v1/events?tenant="+tenant.Slug).Require(t, http.StatusBadRequest)
}

func TestMalformedFilters(t *testing.T) {
	t.Parallel()
	auditor := apptest.New(t).Client(t, tenants.Auditor)
	for _, query := range []string{
		"limit=0", "limit=201", "limit=x", "status=done", "from=yesterday", "to=2026-01-01", "from=0000-01-01T00:00:00Z",
		"from=9999-12-31T23:59:59-14:00", "aggregate_id=1", "aggregate_id=%00", "name=%00", "name=%ff", "actor_id=%00", "aggregate_type=%00", "unknown=1",
	} {
		require.Equal(t, "bad_parameter", auditor.Get(t, "/v1/events?"+query).Require(t, http.StatusBadRequest).Code(t), query)
	}
	require.Equal(t, "bad_cursor", auditor.Get(t, "/v1/events?cursor=x").Require(t, http.StatusBadRequest).Code(t))
}

func TestInjectionsAreOnlyText(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	superuserExec(t, other, loadOne)
	auditor := tenant.Client(t, tenants.Auditor)
	for _, text := range []string{
		`'; drop table events; --`, `' or '1'='1`, `') union select seq from ` + other.Tenant.SchemaName + `.events --`, `$1`, `?`, `%`, `_`, `\`,
		`'||set_config('role','postgres',true)||'`,
	} {
		escaped := url.QueryEscape(text)
		for _, name := range []string{"name", "aggregate_type", "actor_id"} {
			list := auditor.Get(t, "/v1/events?"+name+"="+escaped).Require(t, http.StatusOK)
			require.Equal(t, `{"items":[],"next_cursor":null}`+"\n", string(list.Body))
		}
		for _, name := range []string{"aggregate_id", "status", "from", "to", "limit", "cursor"} {
			auditor.Get(t, "/v1/events?"+name+"="+escaped).Require(t, http.StatusBadRequest)
		}
		auditor.Get(t, "/v1/events/"+url.PathEscape(text)).Require(t, http.StatusNotFound)
	}
}

func TestTheTrailCannotBeRewritten(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for _, statement := range []string{
		"update events set actor_id = 'nobody'", "delete from events",
		"merge into events e using (select 1) s on true when matched then delete",
	} {
		err := tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Exec(statement).Error })
		require.ErrorContains(t, err, "permission denied", statement)
	}
}
