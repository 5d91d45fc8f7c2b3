package modules_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// TestOneRequestFromHTTPToTheBroker follows one request through all that the README names under "Follow
// one request": the door, the scope, the service, the aggregate, the outbox, the worker and the broker,
// and asks the audit at the end who it was.
func TestOneRequestFromHTTPToTheBroker(t *testing.T) {
	t.Parallel()
	const requestID, traceParent = "walk-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	tenant := apptest.New(t)
	tenant.Settle(t)
	arrivals, err := apptest.NATS(t).SubscribeSync("events." + tenant.Slug + ".User.created")
	require.NoError(t, err)
	witness(t, tenant)

	// The door: a request of the tenant's admin.
	admin := tenant.Client(t, tenants.Admin)
	answer := admin.Post(t, "/v1/users", map[string]string{"email": "ada@example.com", "name": "Ada", "role": "auditor"},
		"X-Request-Id", requestID, "traceparent", traceParent).Require(t, http.StatusCreated)
	var user map[string]any
	answer.JSON(t, &user)
	id := user["id"].(string)
	require.Equal(t, "/v1/users/"+id, answer.Header.Get("Location"))
	require.Equal(t, `"1"`, answer.Header.Get("ETag"))
	require.Equal(t, requestID, answer.Header.Get("X-Request-Id"))

	// The database: the row, its event and the event's outbox message, by one transaction.
	require.Equal(t, []string{"events,outbox_messages,users"}, transactions(t, tenant))
	recorded := recordedOf(t, tenant, id)

	// The worker and the broker: the message that a stock client gets.
	message, err := arrivals.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "events."+tenant.Slug+".User.created", message.Subject)
	require.Equal(t, nats.Header{
		"Nats-Msg-Id":         {recorded.ID},
		"ce-specversion":      {"1.0"},
		"ce-id":               {recorded.ID},
		"ce-type":             {"User.created"},
		"ce-source":           {"/tenants/" + tenant.Slug},
		"ce-subject":          {"User/" + id},
		"ce-time":             {recorded.CreatedAt.UTC().Format(time.RFC3339Nano)},
		"ce-tenant":           {tenant.Tenant.ID},
		"ce-aggregateversion": {"1"},
		"ce-actor":            {tenant.OwnerID},
		"ce-traceparent":      {traceParent},
		"content-type":        {"application/json"},
	}, message.Header)
	require.JSONEq(t, recorded.Data, string(message.Data))
	requireCloudEvent(t, message, id)

	// The audit: who did it, in which request, and that it was published.
	tenant.Settle(t)
	var found map[string]any
	tenant.Client(t, tenants.Auditor).Get(t, "/v1/events/"+recorded.ID).Require(t, http.StatusOK).JSON(t, &found)
	require.Equal(t, "User.created", found["name"])
	require.Equal(t, map[string]any{"type": "User", "id": id, "version": 1.0}, found["aggregate"])
	require.Equal(t, tenant.OwnerID, found["actor_id"])
	require.Equal(t, requestID, found["request_id"])
	require.Equal(t, "published", found["status"])
	require.EqualValues(t, 1, found["attempts"])
	require.NotNil(t, found["published_at"])
	data, err := json.Marshal(found["data"])
	require.NoError(t, err)
	require.JSONEq(t, string(message.Data), string(data))
}

// recorded is the event that one request left in the database.
type recorded struct {
	ID, Data  string
	CreatedAt time.Time
}

// recordedOf reads the one event of a user.
func recordedOf(t *testing.T, tenant *apptest.Tenant, userID string) (r recorded) {
	t.Helper()
	events := relation{Schema: tenant.Tenant.SchemaName, Name: "events"}
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(),
		"select id::text, data::text, created_at from "+events.String()+" where aggregate_id = $1", userID).
		Scan(&r.ID, &r.Data, &r.CreatedAt))
	return r
}

// witness notes from now on which transaction inserts into which of the tenant's tables.
func witness(t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	fill := strings.NewReplacer("{schema}", tenant.Tenant.SchemaName)
	_, err := apptest.Superuser(t).Exec(t.Context(), fill.Replace(`
		create table {schema}.witness (tx xid8 not null, name text not null);
		create function {schema}.bear_witness() returns trigger language plpgsql security definer as $$
		begin
			insert into {schema}.witness values (pg_current_xact_id(), tg_table_name);
			return null;
		end $$;
		create trigger witness after insert on {schema}.users for each statement execute function {schema}.bear_witness();
		create trigger witness after insert on {schema}.events for each statement execute function {schema}.bear_witness();
		create trigger witness after insert on {schema}.outbox_messages for each statement execute function {schema}.bear_witness()`))
	require.NoError(t, err)
}

// transactions are the tables that each transaction inserted into.
func transactions(t *testing.T, tenant *apptest.Tenant) []string {
	t.Helper()
	return texts(t, "select string_agg(name, ',' order by name) from "+tenant.Tenant.SchemaName+".witness group by tx order by tx")
}

// requireCloudEvent decodes a message as the CloudEvents SDK does. Over NATS the headers are those of
// HTTP.
func requireCloudEvent(t *testing.T, message *nats.Msg, userID string) {
	t.Helper()
	header := http.Header{}
	for name := range message.Header {
		header.Set(name, message.Header.Get(name))
	}
	decoded, err := binding.ToEvent(t.Context(), cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(message.Data))))
	require.NoError(t, err)
	require.NoError(t, decoded.Validate())
	require.Equal(t, "User.created", decoded.Type())
	require.Equal(t, "User/"+userID, decoded.Subject())
	require.Equal(t, message.Header.Get("Nats-Msg-Id"), decoded.ID())
	require.Contains(t, decoded.Extensions(), "aggregateversion")
	require.JSONEq(t, string(message.Data), string(decoded.Data()))
}
