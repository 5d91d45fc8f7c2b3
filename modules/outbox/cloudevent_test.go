package outbox_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	jetstreambinding "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// decode reads a message with the SDK's own binding for JetStream.
func decode(t *testing.T, message apptest.Message) cloudevents.Event {
	t.Helper()
	read := jetstreambinding.NewMessage(&nats.Msg{Subject: message.Subject, Header: message.Header, Data: message.Data})
	require.Equal(t, binding.EncodingBinary, read.ReadEncoding())
	event, err := binding.ToEvent(t.Context(), read)
	require.NoError(t, err)
	require.NoError(t, event.Validate())
	return *event
}

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// recordFull commits one event with everything that an event can have.
func recordFull(t *testing.T, tenant *apptest.Tenant, actor, parent string) (id, aggregateID string, at time.Time) {
	t.Helper()
	newID, err := uuid.NewV7()
	require.NoError(t, err)
	id, aggregateID = newID.String(), uuid.NewString()
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		at = tx.Now
		tx.Touch()
		return tx.DB.Exec(`with e as (
				insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, traceparent, data, created_at)
				values (?, 'Ticket.opened', 'Ticket', ?, 7, ?, 'request-1', ?, '{"title": "Ünïcode", "count": 9007199254740993}', ?)
				returning seq, created_at)
			insert into outbox_messages (seq, created_at) select seq, created_at from e`,
			id, aggregateID, actor, parent, tx.Now).Error
	}))
	tenant.Settle(t)
	return id, aggregateID, at
}

func published(t *testing.T, tenant *apptest.Tenant, id string) apptest.Message {
	t.Helper()
	messages := tenant.Published(t)
	i := slices.IndexFunc(messages, func(m apptest.Message) bool { return m.ID() == id })
	require.GreaterOrEqual(t, i, 0)
	return messages[i]
}

func TestAnEventIsACloudEventOfTheContract(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	consumer, err := apptest.NATS(t).SubscribeSync(outbox.SubjectPrefix + tenant.Slug + ".Ticket.>")
	require.NoError(t, err)
	id, aggregateID, at := recordFull(t, tenant, "user-1", traceParent)
	message, err := consumer.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, outbox.SubjectPrefix+tenant.Slug+".Ticket.opened", message.Subject)
	require.JSONEq(t, `{"title": "Ünïcode", "count": 9007199254740993}`, string(message.Data))
	require.Equal(t, nats.Header{
		"Nats-Msg-Id":         {id},
		"ce-specversion":      {"1.0"},
		"ce-id":               {id},
		"ce-type":             {"Ticket.opened"},
		"ce-source":           {"/tenants/" + tenant.Slug},
		"ce-subject":          {"Ticket/" + aggregateID},
		"ce-time":             {at.UTC().Format(time.RFC3339Nano)},
		"ce-tenant":           {tenant.Tenant.ID},
		"ce-aggregateversion": {"7"},
		"ce-actor":            {"user-1"},
		"ce-traceparent":      {traceParent},
		"content-type":        {"application/json"},
	}, message.Header)

	event := decode(t, published(t, tenant, id))
	require.Equal(t, "1.0", event.SpecVersion())
	require.Equal(t, id, event.ID())
	require.Equal(t, "Ticket.opened", event.Type())
	require.Equal(t, "/tenants/"+tenant.Slug, event.Source())
	require.Equal(t, "Ticket/"+aggregateID, event.Subject())
	require.True(t, at.Equal(event.Time()), "%s is not %s", event.Time(), at)
	require.Equal(t, "application/json", event.DataContentType())
	require.Equal(t, map[string]any{
		"tenant": tenant.Tenant.ID, "aggregateversion": "7", "actor": "user-1", "traceparent": traceParent,
	}, event.Extensions())
	var data struct {
		Title string `json:"title"`
		Count int64  `json:"count"`
	}
	require.NoError(t, event.DataAs(&data))
	require.Equal(t, "Ünïcode", data.Title)
	require.EqualValues(t, 9007199254740993, data.Count, "numbers keep all their digits")
}

func TestWhatEveryModulePublishesDecodes(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	recordFull(t, tenant, "user-1", "")
	messages := tenant.Published(t)
	require.NotEmpty(t, messages)
	for _, message := range messages {
		event := decode(t, message)
		require.Equal(t, message.ID(), event.ID())
		require.NotContains(t, slices.Collect(maps.Keys(event.Extensions())), "traceparent", "there was none")
	}
}

// TestAnActorCannotWriteHeaders tries the one attribute whose text an issuer of tokens decides.
func TestAnActorCannotWriteHeaders(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for actor, wanted := range map[string]string{
		"O'Brien Ünïcode":                    "O'Brien Ünïcode",
		"eve\r\nce-tenant: another\r\n\r\nx": "eve  ce-tenant: another    x",
		"{\"json\": true}":                   "{\"json\": true}",
		"auth0|5f7c8ec7c33c6c004bbafe82":     "auth0|5f7c8ec7c33c6c004bbafe82",
	} {
		id, _, _ := recordFull(t, tenant, actor, "")
		message := published(t, tenant, id)
		require.Equal(t, []string{tenant.Tenant.ID}, message.Header["ce-tenant"])
		require.JSONEq(t, `{"title": "Ünïcode", "count": 9007199254740993}`, string(message.Data))
		require.Equal(t, wanted, decode(t, message).Extensions()["actor"])
	}
}
