package workers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/workers"
)

// turnstile notes who is between reading and completing for each tenant, in all pools of a test.
type turnstile struct {
	mu         sync.Mutex
	inside     map[string]string
	violations []string
	batches    map[string]int // by holder
}

func newTurnstile() *turnstile {
	return &turnstile{inside: map[string]string{}, batches: map[string]int{}}
}

func (s *turnstile) enter(lease workers.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.inside[lease.Placement.TenantID]; ok {
		s.violations = append(s.violations, fmt.Sprintf("%s and %s at tenant %s", other, lease.Holder, lease.Placement.Slug))
	}
	s.inside[lease.Placement.TenantID] = lease.Holder
}

func (s *turnstile) leave(lease workers.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inside, lease.Placement.TenantID)
	s.batches[lease.Holder]++
}

func (s *turnstile) spy(source workers.Source) *spy {
	return &spy{
		Source: source,
		afterRead: func(lease workers.Lease, batch workers.Batch) {
			if len(batch.Messages) > 0 {
				s.enter(lease)
			}
		},
		afterComplete: func(lease workers.Lease, _ int, _ error) { s.leave(lease) },
	}
}

func TestTwoPoolsShareTheTenantsAndNeverOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(8)
	stile := newTurnstile()
	broker := &recorder{}
	ears := []*megaphone{newMegaphone(), newMegaphone()}
	meters := []meter{newMeter(), newMeter()}
	for i, ear := range ears {
		config := deaf()
		config.Holder, config.LeaseTTL, config.BatchSize = fmt.Sprint("pool-", i), time.Minute, 20
		l.run(config, workers.Parts{
			Publisher: broker, Hints: ear, Source: stile.spy(l.source), Metrics: workers.NewMetrics(meters[i].registry),
		})
	}
	for _, metrics := range meters { // both have looked once, and do so no more
		eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") == 1 })
	}
	for _, tenant := range all {
		l.fill(tenant, 200, 10)
	}
	ears[0].tell(all[:3]...)
	ears[1].tell(all[3:6]...)
	eventually(t, func() bool { return l.holder(all[0]) == "pool-0" && l.holder(all[3]) == "pool-1" })
	for range 3 { // both hear of everything, also of what the other one holds
		ears[0].tell(all...)
		ears[1].tell(all...)
		for _, tenant := range all {
			l.fill(tenant, 50, 10)
		}
	}
	ears[0].tell(all...)
	ears[1].tell(all...)
	for _, tenant := range all {
		l.settled(tenant)
	}
	stile.mu.Lock()
	defer stile.mu.Unlock()
	require.Empty(t, stile.violations)
	require.Positive(t, stile.batches["pool-0"])
	require.Positive(t, stile.batches["pool-1"])
	requireOrder(t, broker.taken())
	require.Equal(t, 8*350, len(broker.taken())) //nolint:testifylint // the events would fill the screen
}

func TestALeaseThatIsStolenDuringATurnChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 40, 4)
	l.countable(tenant)
	var once sync.Once
	var lost, repeated atomic.Int64
	var frozen string
	source := &spy{
		Source: l.source,
		beforeComplete: func(lease workers.Lease) {
			once.Do(func() {
				l.steal(lease.Placement.TenantID, 500*time.Millisecond)
				frozen = l.text(`select string_agg(m::text, ' ' order by seq) from %s.outbox_messages m`, tenant.SchemaName)
			})
		},
		afterComplete: func(lease workers.Lease, _ int, err error) {
			if err == nil {
				return
			}
			if errors.Is(err, workers.ErrLeaseLost) {
				lost.Add(1)
			}
			if lease.Fence == 1 {
				repeated.Store(int64(l.withStatus(tenant, "unpublished")))
				frozen = l.text(`select ('%s' = string_agg(m::text, ' ' order by seq))::text from %s.outbox_messages m`, frozen, tenant.SchemaName)
			}
		},
	}
	config := fast()
	config.LeaseTTL = 10 * time.Second // no renewal notices the theft before the turn does
	l.run(config, workers.Parts{Source: source, Handlers: []workers.Handler{
		{Name: "fails", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			if e.Seq == 1 && lost.Load() == 0 {
				return fault.New(fault.Invalid, "no", "parks a delivery, were the lease still held")
			}
			return nil
		}},
	}})
	l.settled(tenant)
	require.EqualValues(t, 1, lost.Load())
	require.EqualValues(t, 40, repeated.Load(), "nothing was completed without the lease")
	require.Equal(t, "true", frozen, "nor changed otherwise")
	require.Equal(t, 40, l.withStatus(tenant, "published"))
	require.Equal(t, 1, l.count(`select max(attempts) from %s.outbox_messages`, tenant.SchemaName))
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	require.GreaterOrEqual(t, l.count(`select fence from dispatch.ledger where tenant_id = '%s'`, tenant.ID), 3)
	l.requireStream(tenant)
}

func TestAStaleHolderAppliesNoTransactionalHandler(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 100, 2)
	l.countable(tenant)
	var once sync.Once
	var refused atomic.Int64
	source := &spy{
		Source: l.source,
		beforeApply: func(lease workers.Lease) {
			once.Do(func() { l.steal(lease.Placement.TenantID, 500*time.Millisecond) })
		},
		afterApply: func(lease workers.Lease, err error) {
			if errors.Is(err, workers.ErrLeaseLost) && lease.Fence == 1 {
				refused.Add(1)
				if n := l.count(`select (select count(*) from %[1]s.effects) + (select count(*) from %[1]s.inbox)`, tenant.SchemaName); n > 0 {
					refused.Add(1000)
				}
			}
		},
	}
	l.run(fast(), workers.Parts{Source: source, Handlers: []workers.Handler{counter()}})
	l.settled(tenant)
	require.Positive(t, refused.Load())
	require.Less(t, refused.Load(), int64(1000), "an effect was applied without the lease")
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	require.Equal(t, 1, l.count(`select max(attempts) from %s.outbox_messages`, tenant.SchemaName))
	l.requireEffects(tenant)
	l.requireStream(tenant)
}

// TestALeaseThatIsLockedHoldsUpNoOther locks the row of a tenant's lease, as a sweep does for a moment.
func TestALeaseThatIsLockedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	locked, other := l.tenant(), l.tenant()
	broker, ear := &recorder{}, newMegaphone()
	l.run(deaf(), workers.Parts{Publisher: broker, Hints: ear})
	eventually(t, func() bool { return l.count(`select count(*) from dispatch.ledger where last_visited_at is null`) == 0 })
	l.fill(locked, 1, 1)
	l.fill(other, 1, 1)
	tx, err := l.superuser.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // it is over already
	_, err = tx.Exec(t.Context(), `select from dispatch.ledger where tenant_id = $1 for update`, locked.ID)
	require.NoError(t, err)
	ear.tell(locked, other)
	eventually(t, func() bool { return len(broker.of(other)) == 1 })
	require.Empty(t, broker.of(locked))
	require.NoError(t, tx.Rollback(t.Context()))
	eventually(t, func() bool { return len(broker.of(locked)) == 1 }, "it is asked for again by itself")
}

// TestATurnThatIsCancelledSaysNothingAboutTheBroker takes a lease away while its holder waits for the
// broker. Would the pool take that for an outage, it would try nothing more for an hour.
func TestATurnThatIsCancelledSaysNothingAboutTheBroker(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	unlucky, other := l.tenant(), l.tenant()
	l.fill(unlucky, 1, 1)
	waiting, stolen := make(chan struct{}), make(chan struct{})
	broker := &recorder{}
	config := deaf()
	config.BreakerDelay, config.LeaseTTL = time.Hour, 500*time.Millisecond
	ear := newMegaphone()
	l.run(config, workers.Parts{Hints: ear, Publisher: publisherFunc(func(ctx context.Context, events []workers.Event) []error {
		if events[0].TenantID != unlucky.ID {
			return broker.Publish(ctx, events)
		}
		close(waiting)
		<-ctx.Done()
		close(stolen)
		return []error{workers.ErrOutage}
	})})
	<-waiting
	l.steal(unlucky.ID, time.Minute)
	<-stolen
	l.fill(other, 1, 1)
	ear.tell(other)
	eventually(t, func() bool { return len(broker.of(other)) == 1 })
}
