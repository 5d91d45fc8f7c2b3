package workers_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

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

// execf runs a statement as the superuser.
func (l *lab) execf(format string, args ...any) {
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
	l.execf(`update dispatch.ledger set holder = 'thief', fence = fence + 1,
		expires_at = clock_timestamp() + interval '%d milliseconds' where tenant_id = '%s'`, ttl.Milliseconds(), tenantID)
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
