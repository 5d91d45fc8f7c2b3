package workers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/workers"
)

// within waits until a tenant has nothing left to publish, which is to take no longer than the bound and
// what the machine needs.
func (l *lab) within(bound time.Duration, began time.Time, published func() bool) {
	l.t.Helper()
	eventually(l.t, published)
	require.Less(l.t, time.Since(began), bound+2*time.Second)
	l.t.Logf("published after %s; the sweep's bound is %s", time.Since(began), bound)
}

// sweeping is a configuration of three chunks for seven tenants, and the longest time that a look into
// all of them takes: three chunks, each after its pause of at most a tenth more, and one that was about to
// pass the tenant when it committed.
func sweeping() (workers.Config, time.Duration) {
	config := fast()
	config.SweepChunk = 3
	config.SweepPauseMin, config.SweepPauseMax = 100*time.Millisecond, 200*time.Millisecond
	return config, 4 * (200 + 20) * time.Millisecond
}

func TestACommitWhoseHintIsLostIsPublishedWithinTheSweepsBound(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(7)
	silent := l.newWriter(nil, all...)
	broker := &recorder{}
	config, bound := sweeping()
	l.run(config, workers.Parts{Publisher: broker, Hints: workers.NewNATSHints(l.conn, l.database)})
	for n, tenant := range all {
		silent.commit(tenant)
		l.within(bound, time.Now(), func() bool { return len(broker.of(tenant)) == 1 })
		require.Len(t, broker.taken(), n+1, "and nothing of another tenant")
	}
}

func TestACommitWhileTheBrokerIsAwayIsPublishedWithinTheSweepsBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { broker.Stop() })
	l := newLabOn(t, servers.postgres, broker.URL())
	all := l.tenants(7)
	hints := workers.NewNATSHints(l.conn, l.database)
	t.Cleanup(hints.Close)
	w := l.newWriter(hints, all...)
	config, bound := sweeping()
	conn, _ := connect(t, broker.URL()) // the worker's own, as in a process of its own
	l.run(config, workers.Parts{Hints: workers.NewNATSHints(conn, l.database)})
	w.commit(all[0])
	l.settled(all[0])

	broker.Stop()
	eventually(t, func() bool { return !l.conn.IsConnected() && !conn.IsConnected() })
	for _, tenant := range all {
		w.commit(tenant) // with nobody to take the hint, and no other commit after it
	}
	broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: dir, Listen: strings.TrimPrefix(broker.URL(), "nats://")})
	require.NoError(t, err)
	eventually(t, func() bool { return l.conn.IsConnected() })
	l.within(bound+config.BreakerDelay, time.Now(), func() bool {
		for _, tenant := range all {
			if l.withStatus(tenant, "unpublished") > 0 {
				return false
			}
		}
		return true
	})
	l.requireStream(all...)
}
