package workers_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

func TestEveryTenantsBacklogIsPublishedInOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(5)
	for _, tenant := range all {
		l.fill(tenant, 700, 30)
	}
	broker := &recorder{}
	l.run(fast(), workers.Parts{Publisher: broker})
	for _, tenant := range all {
		l.settled(tenant)
		require.Equal(t, 700, len(broker.of(tenant))) //nolint:testifylint // the events would fill the screen
	}
	requireOrder(t, broker.taken())
}

func TestOneEventBehindAHundredThousandOfANeighbourIsPublishedWithinASecond(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	noisy, quiet := l.tenant(), l.tenant()
	l.fill(noisy, 100_000, 1000)
	broker := &recorder{}
	config := fast()
	config.Slots = 1
	l.run(config, workers.Parts{Publisher: broker})
	require.Eventually(t, func() bool { return len(broker.of(noisy)) > 0 }, 10*time.Second, time.Millisecond)

	l.fill(quiet, 1, 1)
	committed := time.Now()
	require.Eventually(t, func() bool { return len(broker.of(quiet)) == 1 }, time.Second, time.Millisecond)
	require.Less(t, len(broker.of(noisy)), 100_000, "the neighbour is still at it")
	t.Logf("published %s after its commit, behind %d", time.Since(committed), 100_000-len(broker.of(noisy)))
}

func TestAHandlerThatHangsHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	sick, well := l.tenants(6), l.tenants(3)
	for _, tenant := range sick {
		l.fill(tenant, 40, 40)
	}
	release := make(chan struct{})
	defer close(release)
	broker := &recorder{}
	var healthy atomic.Int64
	config := fast()
	sickIDs := map[string]bool{}
	for _, tenant := range sick {
		sickIDs[tenant.ID] = true
	}
	l.run(config, workers.Parts{Publisher: broker, Handlers: []workers.Handler{
		{Name: "hangs", Events: []string{"*"}, Timeout: 200 * time.Millisecond, External: func(_ context.Context, e workers.Event) error {
			if sickIDs[e.TenantID] {
				<-release // ignores its deadline
			}
			return nil
		}},
		{Name: "works", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			if !sickIDs[e.TenantID] {
				healthy.Add(1)
			}
			return nil
		}},
	}})
	require.Eventually(t, func() bool { return len(broker.taken()) > 0 }, 10*time.Second, time.Millisecond)
	for _, tenant := range well {
		l.fill(tenant, 20, 20)
	}
	require.Eventually(t, func() bool { return healthy.Load() == 60 }, 10*time.Second, 5*time.Millisecond,
		"the tenants whose handlers work are served")
	for _, tenant := range well {
		require.Eventually(t, func() bool { return len(broker.of(tenant)) == 20 }, 10*time.Second, 5*time.Millisecond)
	}
}

func TestAFailingHandlerParksItsChainAndNothingElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 30, 3)
	var mu sync.Mutex
	var good, bad []workers.Event
	failures := map[string]int{}
	broker := &recorder{}
	l.run(fast(), workers.Parts{Publisher: broker, Handlers: []workers.Handler{
		{Name: "good", Events: []string{"Thing.changed"}, External: func(_ context.Context, e workers.Event) error {
			mu.Lock()
			defer mu.Unlock()
			good = append(good, e)
			return nil
		}},
		{Name: "flaky", Events: []string{"Thing.changed"}, External: func(_ context.Context, e workers.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if e.AggregateVersion%4 == 1 && failures[e.ID] < 2 {
				failures[e.ID]++
				return errors.New("not now")
			}
			bad = append(bad, e)
			return nil
		}},
	}})
	l.settled(tenant)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, good, 30)
	require.Len(t, bad, 30, "each once, in spite of the retries")
	requireOrder(t, good)
	requireOrder(t, bad)
	requireOrder(t, broker.of(tenant))
	require.Equal(t, 30, l.withStatus(tenant, "published"))
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
}

func TestADeadDeliveryHoldsItsChainAndTheMessageFails(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 6, 2)
	var passed atomic.Int64
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{
		{Name: "strict", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
			if e.Seq == 1 {
				return fault.New(fault.Invalid, "no", "never")
			}
			return nil
		}},
		{Name: "lenient", Events: []string{"*"}, ContinueAfterDead: true, External: func(_ context.Context, e workers.Event) error {
			if e.Seq == 1 {
				panic("a defect")
			}
			passed.Add(1)
			return nil
		}},
	}})
	require.Eventually(t, func() bool { return l.withStatus(tenant, "failed") == 1 && l.withStatus(tenant, "published") == 3 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 2, l.withStatus(tenant, "retrying"), "those behind the dead one wait for it")
	require.Equal(t, 2, l.count(`select count(*) from %s.deliveries where handler = 'strict' and status = 'waiting'`, tenant.SchemaName))
	require.Eventually(t, func() bool { return passed.Load() == 5 }, 10*time.Second, 10*time.Millisecond, "a handler that opted to goes on behind a dead one")
	require.Equal(t, 3, l.count(`select attempts from %s.deliveries where handler = 'lenient'`, tenant.SchemaName))
	require.Equal(t, 1, l.count(`select attempts from %s.deliveries where handler = 'strict' and status = 'failed'`, tenant.SchemaName))
}

func TestATransactionalHandlerIsAppliedOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 20, 4)
	_, err := l.superuser.Exec(t.Context(), `create table `+tenant.SchemaName+`.effects (event_id uuid); grant insert on `+tenant.SchemaName+`.effects to `+tenant.RoleName)
	require.NoError(t, err)
	var tried sync.Map
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{{
		Name: "effect", Events: []string{"*"}, Transactional: func(_ context.Context, tx *tenants.Tx, e workers.Event) error {
			if err := tx.DB.Exec(`insert into effects (event_id) values (?)`, e.ID).Error; err != nil {
				return err
			}
			if _, again := tried.LoadOrStore(e.ID, true); !again && e.Seq%3 == 0 {
				return errors.New("after the write")
			}
			return nil
		},
	}}})
	l.settled(tenant)
	require.Equal(t, 20, l.count(`select count(*) from %s.effects`, tenant.SchemaName))
	require.Equal(t, 20, l.count(`select count(distinct event_id) from %s.effects`, tenant.SchemaName))
	require.Equal(t, 20, l.count(`select count(*) from %s.inbox where handler = 'effect'`, tenant.SchemaName))
}

func TestABrokerThatIsAwaySpendsNoAttempts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 50, 5)
	var away atomic.Bool
	away.Store(true)
	var tries atomic.Int64
	broker := &recorder{answer: func(workers.Event) error {
		if away.Load() {
			tries.Add(1)
			return workers.ErrOutage
		}
		return nil
	}}
	var handled atomic.Int64
	l.run(fast(), workers.Parts{Publisher: broker, Handlers: []workers.Handler{{
		Name: "h", Events: []string{"*"}, External: func(context.Context, workers.Event) error { handled.Add(1); return nil },
	}}})
	require.Eventually(t, func() bool { return tries.Load() > 3*5 }, 10*time.Second, time.Millisecond)
	require.Equal(t, 50, l.withStatus(tenant, "unpublished"))
	require.Zero(t, l.count(`select max(attempts) from %s.outbox_messages`, tenant.SchemaName))
	require.Zero(t, handled.Load(), "an event that cannot be sent is not handled over and over")
	away.Store(false)
	l.settled(tenant)
	requireOrder(t, broker.of(tenant))
	require.EqualValues(t, 50, handled.Load())
	require.Equal(t, 1, l.count(`select max(attempts) from %s.outbox_messages`, tenant.SchemaName))
}

func TestAnEventThatTheBrokerRefusesHoldsBackOnlyItsAggregate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 12, 3)
	broker := &recorder{answer: func(e workers.Event) error {
		if e.Seq == 1 {
			return fault.New(fault.Invalid, "too_large", "the broker does not take it")
		}
		return nil
	}}
	l.run(fast(), workers.Parts{Publisher: broker})
	require.Eventually(t, func() bool { return l.withStatus(tenant, "published") == 8 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, l.withStatus(tenant, "failed"))
	require.Equal(t, 3, l.withStatus(tenant, "retrying"))
	require.Len(t, broker.of(tenant), 8)
}
