package bench

import (
	"context"
	"sync"
	"time"

	"github.com/tenantry/tenantry/workers"
)

// meter wraps a source, and the handlers, to know how much time each tenant was served: what the pool
// charges for, seen from outside.
type meter struct {
	workers.Source

	mu      sync.Mutex
	served  map[string]time.Duration // in this window
	total   time.Duration            // of all, in this window
	size    time.Duration            // a window's total
	windows []map[string]time.Duration
	reads   map[string]time.Time
	longest time.Duration
}

// newMeter begins a new window whenever the tenants were served for so long together; 0 is one window.
func newMeter(source workers.Source, window time.Duration) *meter {
	return &meter{Source: source, size: window, served: make(map[string]time.Duration), reads: make(map[string]time.Time)}
}

// pool is the program's pool, metered.
func (m *meter) pool(_ context.Context, l *lab, t target) (runner, error) {
	return l.newPool(m, t, l.hints)
}

func (m *meter) charge(tenantID string, began time.Time) {
	took := time.Since(began)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.served[tenantID] += took
	m.total += took
	if m.size > 0 && m.total >= m.size {
		m.windows = append(m.windows, m.served)
		m.served, m.total = make(map[string]time.Duration, len(m.served)), 0
	}
}

// Read implements workers.Source.
func (m *meter) Read(ctx context.Context, lease workers.Lease, want workers.Want) (workers.Batch, error) {
	began := time.Now()
	defer m.charge(lease.Placement.TenantID, began)
	m.mu.Lock()
	m.reads[lease.Placement.TenantID] = began
	m.mu.Unlock()
	return m.Source.Read(ctx, lease, want)
}

// Complete implements workers.Source.
func (m *meter) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (int, error) {
	defer m.charge(lease.Placement.TenantID, time.Now())
	stale, err := m.Source.Complete(ctx, lease, outcomes, retried)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.longest = max(m.longest, time.Since(m.reads[lease.Placement.TenantID]))
	return stale, err
}

// handler charges the calls of a handler to the tenants whose events they are for.
func (m *meter) handler(call func(ctx context.Context, event workers.Event) error) *workers.Handler {
	return external(func(ctx context.Context, event workers.Event) error {
		defer m.charge(event.TenantID, time.Now())
		return call(ctx, event)
	})
}

// longestBatch is from a batch's read to its completion.
func (m *meter) longestBatch() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.longest
}

// over are the windows that are over.
func (m *meter) over() []map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.windows
}
