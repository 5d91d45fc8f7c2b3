package workers_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// service is what external handlers call, and can be away.
type service struct {
	away  atomic.Bool
	tries atomic.Int64 // while it was away

	mu    sync.Mutex
	taken map[string][]workers.Event // by handler
}

func (s *service) handler(name string) workers.Handler {
	return workers.Handler{Name: name, Destination: "service", Events: []string{"*"}, External: func(_ context.Context, e workers.Event) error {
		if s.away.Load() {
			s.tries.Add(1)
			return workers.Outage(errRefused)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken == nil {
			s.taken = map[string][]workers.Event{}
		}
		s.taken[name] = append(s.taken[name], e)
		return nil
	}}
}

func (s *service) of(handler string) []workers.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]workers.Event(nil), s.taken[handler]...)
}

// TestADestinationThatIsAwaySpendsNoAttempts has a service away that two handlers call, for many tenants.
// There is no sweep that would find what waits.
func TestADestinationThatIsAwaySpendsNoAttempts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(4)
	for _, tenant := range all {
		l.fill(tenant, 60, 6)
	}
	away, well, log, metrics := &service{}, &service{}, &memory{}, newMeter()
	away.away.Store(true)
	config := deaf()
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	broker := &recorder{}
	hints := newMegaphone()
	healthy := well.handler("healthy")
	healthy.Destination = ""
	l.run(config, workers.Parts{
		Publisher: broker, Hints: hints, Metrics: workers.NewMetrics(metrics.registry),
		Handlers: []workers.Handler{away.handler("one"), away.handler("other"), healthy},
	})
	eventually(t, func() bool { return len(well.of("healthy")) == 240 && len(broker.taken()) == 240 },
		"the broker and the other handlers go on")
	for _, tenant := range all {
		eventually(t, func() bool { return l.withStatus(tenant, "retrying") == 60 })
	}
	before := away.tries.Load()
	eventually(t, func() bool { return away.tries.Load() >= before+3 }, "it is asked again")
	for _, tenant := range all {
		require.Zero(t, l.count(`select count(*) from %s.deliveries where attempts > 0 or status = 'failed'`, tenant.SchemaName))
		require.Zero(t, l.count(`select count(*) from %s.delivery_attempts`, tenant.SchemaName))
	}
	require.InDelta(t, 1, metrics.value(t, "outages_total"), 0)
	require.InDelta(t, 1, metrics.value(t, "destination_away"), 0)
	// The first calls went out side by side; after that, one for each pause at most.
	require.Less(t, away.tries.Load(), int64(500))

	away.away.Store(false)
	for _, tenant := range all {
		l.settled(tenant)
		require.Equal(t, 60, l.withStatus(tenant, "published"))
		require.Equal(t, 3, l.count(`select max(attempts) from %s.outbox_messages`, tenant.SchemaName), "the first pass, and one for each handler")
	}
	for _, handler := range []string{"one", "other"} {
		require.Len(t, away.of(handler), 240, "nothing is lost, and nothing comes twice")
		requireOrder(t, away.of(handler))
	}
	require.InDelta(t, 0, metrics.value(t, "destination_away"), 0)
	require.Equal(t, 1, strings.Count(log.String(), "a destination is away"), "one line for all tenants and attempts")
	require.Equal(t, 1, strings.Count(log.String(), "a destination is back"))
}

func TestEventsDuringAnOutageKeepTheirOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	s := &service{}
	s.away.Store(true)
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{s.handler("one")}})
	for range 5 {
		l.fill(tenant, 8, 2)
		tries := s.tries.Load()
		eventually(t, func() bool { return s.tries.Load() > tries && l.withStatus(tenant, "unpublished") == 0 })
	}
	s.away.Store(false)
	l.settled(tenant)
	require.Len(t, s.of("one"), 40)
	requireOrder(t, s.of("one"))
}

func TestABrokersOutageIsOneLineForAllTenants(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(4)
	for _, tenant := range all {
		l.fill(tenant, 20, 20)
	}
	var away atomic.Bool
	away.Store(true)
	var tries atomic.Int64
	log := &memory{}
	config := fast()
	config.BreakerDelay = 5 * time.Millisecond
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	l.run(config, workers.Parts{Publisher: &recorder{answer: func(workers.Event) error {
		if away.Load() {
			tries.Add(1)
			return workers.ErrOutage
		}
		return nil
	}}})
	eventually(t, func() bool { return tries.Load() > 20*20 })
	away.Store(false)
	for _, tenant := range all {
		l.settled(tenant)
		require.Zero(t, l.count(`select count(*) from %s.delivery_attempts`, tenant.SchemaName))
	}
	require.Equal(t, 1, strings.Count(log.String(), "a destination is away"))
	require.Equal(t, 1, strings.Count(log.String(), "a destination is back"))
	require.NotContains(t, log.String(), all[0].ID)
}
