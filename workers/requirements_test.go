package workers_test

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// countedEvery is of how many events one is counted by the handler of effects.
const countedEvery = 20

// countable lets the handler of effects react to some of the tenants' events, and makes its table.
func (l *lab) countable(all ...tenants.Tenant) {
	l.t.Helper()
	for _, tenant := range all {
		l.execf(`create table %[1]s.effects (n bigint generated always as identity, event_id uuid, aggregate_id uuid, version bigint);
			grant insert on %[1]s.effects to %[2]s;
			update %[1]s.events set name = 'Thing.counted' where aggregate_version %% %[3]d = 0`,
			tenant.SchemaName, tenant.RoleName, countedEvery)
	}
}

// counter is a transactional handler whose effect is a row in the tenant's schema.
func counter() workers.Handler {
	return workers.Handler{
		Name: "counter", Events: []string{"Thing.counted"}, MaxConcurrent: 4, // as many as there are slots
		Transactional: func(_ context.Context, tx *tenants.Tx, e workers.Event) error {
			return tx.DB.Exec(`insert into effects (event_id, aggregate_id, version) values (?, ?, ?)`,
				e.ID, e.AggregateID, e.AggregateVersion).Error
		},
	}
}

// requireEffects checks that the handler was applied to each of its events once, and in order.
func (l *lab) requireEffects(all ...tenants.Tenant) {
	l.t.Helper()
	for _, tenant := range all {
		counted := l.count(`select count(*) from %s.events where name = 'Thing.counted'`, tenant.SchemaName)
		require.NotZero(l.t, counted)
		require.Equal(l.t, counted, l.count(`select count(*) from %s.effects`, tenant.SchemaName))
		require.Equal(l.t, counted, l.count(`select count(distinct event_id) from %s.effects`, tenant.SchemaName))
		require.Zero(l.t, l.count(`select count(*) from (
			select version < lag(version) over (partition by aggregate_id order by n) as late from %s.effects) e where late`,
			tenant.SchemaName), "the effects came in order")
	}
}

// requireStream checks that every committed event is in the stream exactly once, and those of an
// aggregate in the order of their versions.
func (l *lab) requireStream(all ...tenants.Tenant) {
	l.t.Helper()
	events := l.stream(all...)
	requireOrder(l.t, events)
	times := make(map[string]int, len(events))
	for _, e := range events {
		times[e.ID]++
	}
	committed := 0
	for _, tenant := range all {
		for _, id := range l.eventIDs(tenant) {
			committed++
			require.Equal(l.t, 1, times[id], "event %s of tenant %s", id, tenant.Slug)
		}
	}
	require.Len(l.t, times, committed, "nothing is in the stream that was not committed")
}

func (l *lab) eventIDs(tenant tenants.Tenant) (ids []string) {
	l.t.Helper()
	require.NoError(l.t, l.superuser.QueryRow(l.t.Context(),
		`select coalesce(array_agg(id::text order by seq), '{}') from `+tenant.SchemaName+`.events`).Scan(&ids))
	return ids
}

// messages are what the stream keeps of the tenants.
func (l *lab) messages(all ...tenants.Tenant) (messages []jetstream.Msg) {
	l.t.Helper()
	subjects := make([]string, len(all))
	for i, tenant := range all {
		subjects[i] = "events." + tenant.Slug + ".>"
	}
	consumer, err := l.js.OrderedConsumer(l.t.Context(), "EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: subjects})
	require.NoError(l.t, err)
	info, err := consumer.Info(l.t.Context())
	require.NoError(l.t, err)
	for left := int(info.NumPending); left > 0; { //nolint:gosec // far below the limit
		batch, err := consumer.Fetch(min(left, 2000), jetstream.FetchMaxWait(patience))
		require.NoError(l.t, err)
		before := len(messages)
		for message := range batch.Messages() {
			messages = append(messages, message)
		}
		require.NoError(l.t, batch.Error())
		require.Greater(l.t, len(messages), before, "the stream gives no more")
		left -= len(messages) - before
	}
	return messages
}

// stream is the same as events, in the order in which they were published.
func (l *lab) stream(all ...tenants.Tenant) (events []workers.Event) {
	l.t.Helper()
	for _, message := range l.messages(all...) {
		header := message.Headers()
		var version int64
		_, err := fmt.Sscan(header.Get("ce-aggregateversion"), &version)
		require.NoError(l.t, err)
		events = append(events, workers.Event{
			ID: header.Get("Nats-Msg-Id"), TenantID: header.Get("ce-tenant"), TenantSlug: header.Get("ce-source"),
			AggregateID: header.Get("ce-subject"), AggregateVersion: version,
		})
	}
	return events
}
