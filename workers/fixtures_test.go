package workers_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// patience bounds what should take milliseconds, on a machine that does much else.
const patience = 30 * time.Second

// leaked names goroutines that nobody ended. What a failed test left behind is not the news.
func leaked(code int) int {
	if code != 0 {
		return code
	}
	err := goleak.Find(
		// The broker's clock of the whole process, which it never stops.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// spy is a source that lets a test come between the steps of a turn.
type spy struct {
	workers.Source

	afterRead      func(lease workers.Lease, batch workers.Batch)
	beforeComplete func(lease workers.Lease)
	afterComplete  func(lease workers.Lease, stale int, err error)
	beforeApply    func(lease workers.Lease)
	afterApply     func(lease workers.Lease, err error)
}

func (s *spy) Read(ctx context.Context, lease workers.Lease, want workers.Want) (workers.Batch, error) {
	batch, err := s.Source.Read(ctx, lease, want)
	if err == nil && s.afterRead != nil {
		s.afterRead(lease, batch)
	}
	return batch, err
}

func (s *spy) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (int, error) {
	if s.beforeComplete != nil {
		s.beforeComplete(lease)
	}
	stale, err := s.Source.Complete(ctx, lease, outcomes, retried)
	if s.afterComplete != nil {
		s.afterComplete(lease, stale, err)
	}
	return stale, err
}

func (s *spy) Apply(ctx context.Context, lease workers.Lease, handler workers.Handler, event workers.Event) error {
	if s.beforeApply != nil {
		s.beforeApply(lease)
	}
	err := s.Source.Apply(ctx, lease, handler, event)
	if s.afterApply != nil {
		s.afterApply(lease, err)
	}
	return err
}

// publisherFunc is a publisher that is one function.
type publisherFunc func(ctx context.Context, events []workers.Event) []error

func (f publisherFunc) Publish(ctx context.Context, events []workers.Event) []error {
	return f(ctx, events)
}

// megaphone is a way of hints through which the test alone speaks.
type megaphone struct {
	mu    sync.Mutex
	ears  map[int]func(workers.Hint)
	next  int
	heard chan struct{} // closed when somebody listens
}

func newMegaphone() *megaphone {
	return &megaphone{ears: map[int]func(workers.Hint){}, heard: make(chan struct{})}
}

func (m *megaphone) Subscribe(onHint func(workers.Hint)) (stop func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.next
	m.next++
	m.ears[key] = onHint
	if key == 0 {
		close(m.heard)
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.ears, key)
	}, nil
}

func (*megaphone) Announce(workers.Hint) {}

// tell tells everybody who listens, and waits for the first who does.
func (m *megaphone) tell(all ...tenants.Tenant) {
	<-m.heard
	m.mu.Lock()
	defer m.mu.Unlock()
	hint := workers.Hint{}
	for _, tenant := range all {
		hint.TenantIDs = append(hint.TenantIDs, tenant.ID)
	}
	for _, ear := range m.ears {
		ear(hint)
	}
}

// deaf is a configuration that finds by its first sweep alone what no hint tells of.
func deaf() workers.Config {
	config := fast()
	config.SweepPauseMin, config.SweepPauseMax = time.Hour, time.Hour
	return config
}

// exec runs a statement as the superuser.
func (l *lab) exec(format string, args ...any) {
	l.t.Helper()
	_, err := l.superuser.Exec(l.t.Context(), fmt.Sprintf(format, args...))
	require.NoError(l.t, err)
}

// text answers a question as the superuser.
func (l *lab) text(format string, args ...any) (answer string) {
	l.t.Helper()
	require.NoError(l.t, l.superuser.QueryRow(l.t.Context(), fmt.Sprintf(format, args...)).Scan(&answer))
	return answer
}

// holder is who has a tenant's lease at this moment; empty when nobody has.
func (l *lab) holder(tenant tenants.Tenant) string {
	l.t.Helper()
	return l.text(`select case when expires_at > clock_timestamp() then holder else '' end
		from dispatch.ledger where tenant_id = '%s'`, tenant.ID)
}

// steal gives a tenant's lease to a thief, as another process gets it that comes past its end.
func (l *lab) steal(tenantID string, ttl time.Duration) {
	l.t.Helper()
	l.exec(`update dispatch.ledger set holder = 'thief', fence = fence + 1,
		expires_at = clock_timestamp() + interval '%d milliseconds' where tenant_id = '%s'`, ttl.Milliseconds(), tenantID)
}

// countedEvery is of how many events one is counted by the handler of effects.
const countedEvery = 20

// countable lets the handler of effects react to some of the tenants' events, and makes its table.
func (l *lab) countable(all ...tenants.Tenant) {
	l.t.Helper()
	for _, tenant := range all {
		l.exec(`create table %[1]s.effects (n bigint generated always as identity, event_id uuid, aggregate_id uuid, version bigint);
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

// streamed is how many events of a tenant are in the stream.
func (l *lab) streamed(tenant tenants.Tenant) int {
	l.t.Helper()
	stream, err := l.js.Stream(l.t.Context(), "EVENTS")
	require.NoError(l.t, err)
	info, err := stream.Info(l.t.Context(), jetstream.WithSubjectFilter("events."+tenant.Slug+".>"))
	require.NoError(l.t, err)
	sum := 0
	for _, n := range info.State.Subjects {
		sum += int(n) //nolint:gosec // far below the limit
	}
	return sum
}

// eventually waits for something that should be true soon.
func eventually(t *testing.T, condition func() bool, explanation ...any) {
	t.Helper()
	require.Eventually(t, condition, patience, 2*time.Millisecond, explanation...)
}

// meter reads a pool's metrics as an operator's scraper does.
type meter struct{ registry *prometheus.Registry }

func newMeter() meter { return meter{prometheus.NewRegistry()} }

// value is a metric's, of all its labels together; the count of a histogram.
func (m meter) value(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := m.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "tenantry_worker_"+name {
			continue
		}
		for _, metric := range family.GetMetric() {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return sum
}
