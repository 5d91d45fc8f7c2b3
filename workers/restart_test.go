package workers_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// backlog is a drain that a test interrupts.
func (l *lab) backlog(n, events int) []tenants.Tenant {
	l.t.Helper()
	all := l.tenants(n)
	for _, tenant := range all {
		l.fill(tenant, events, 20)
	}
	l.countable(all...)
	return all
}

func TestADrainGoesOnWhenPostgreSQLWasRestarted(t *testing.T) {
	t.Parallel()
	postgres, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Throwaway: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.Stop(context.Background())) })
	l := newLabOn(t, postgres, servers.broker.URL())
	all := l.backlog(5, 800)
	var completed atomic.Int64
	config := fast()
	config.BatchSize = 50
	l.run(config, workers.Parts{
		Handlers: []workers.Handler{counter()},
		Source: &spy{Source: l.source, afterComplete: func(_ workers.Lease, _ int, err error) {
			if err == nil {
				completed.Add(1)
			}
		}},
	})
	for range 2 {
		before := completed.Load()
		eventually(t, func() bool { return completed.Load() >= before+8 })
		began := time.Now()
		require.NoError(t, postgres.Restart(t.Context()))
		t.Logf("restarted in %s after %d batches", time.Since(began), completed.Load())
		l.superuser.Reset()
	}
	left := 0
	for _, tenant := range all {
		left += l.withStatus(tenant, "unpublished")
	}
	require.Positive(t, left, "the drain was under way")
	for _, tenant := range all {
		l.settled(tenant)
	}
	l.requireStream(all...)
	l.requireEffects(all...)
}

func TestADrainGoesOnWhenTheBrokerWasRestarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { broker.Stop() })
	l := newLabOn(t, servers.postgres, broker.URL())
	all := l.backlog(3, 1000)
	config := fast()
	config.BatchSize = 50
	var acknowledged, refused atomic.Int64
	l.run(config, workers.Parts{
		Handlers: []workers.Handler{counter()},
		Publisher: publisherFunc(func(ctx context.Context, events []workers.Event) []error {
			errs := l.jetStream().Publish(ctx, events)
			for _, err := range errs {
				switch {
				case err == nil:
					acknowledged.Add(1)
				case errors.Is(err, workers.ErrOutage):
					refused.Add(1)
				}
			}
			return errs
		}),
	})
	for range 2 {
		before := acknowledged.Load()
		eventually(t, func() bool { return acknowledged.Load() >= before+300 })
		broker.Stop()
		before = refused.Load()
		eventually(t, func() bool { return refused.Load() >= before+150 }, "the pool tries again and again")
		require.Zero(t, l.failures(all), "a broker that is away is no event's failure")
		broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: dir, Listen: strings.TrimPrefix(broker.URL(), "nats://")})
		require.NoError(t, err)
	}
	require.Less(t, acknowledged.Load(), int64(3000), "the drain was under way")
	for _, tenant := range all {
		l.settled(tenant)
	}
	l.requireStream(all...)
	l.requireEffects(all...)
}

// failures is how many events the broker is said to have refused.
func (l *lab) failures(all []tenants.Tenant) (n int) {
	l.t.Helper()
	for _, tenant := range all {
		n += l.count(`select count(*) from %s.deliveries where handler = '%s'`, tenant.SchemaName, workers.BrokerName)
	}
	return n
}
