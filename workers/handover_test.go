package workers_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// stuck is a way of hints whose announcements of free leases get nowhere until they are let go.
type stuck struct {
	*megaphone

	announced, release chan struct{}
}

func (s *stuck) Announce(hint workers.Hint) {
	if hint.Free && !hint.Last {
		s.announced <- struct{}{}
		<-s.release
	}
}

// TestABrokerThatHangsDuringAHandoverBlocksNoLease has a process offer tenants to one that never takes them.
func TestABrokerThatHangsDuringAHandoverBlocksNoLease(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(2)
	late := l.tenant()
	l.execf(`insert into dispatch.workers (holder, seen_at) values ('ghost', clock_timestamp() + interval '1 hour')`)
	hints := &stuck{megaphone: newMegaphone(), announced: make(chan struct{}, 10), release: make(chan struct{})}
	for _, tenant := range all {
		l.fill(tenant, 1, 1)
	}
	config := deaf()
	config.LeaseTTL = 3 * time.Second
	l.run(config, workers.Parts{Publisher: &recorder{}, Hints: hints})
	t.Cleanup(func() { close(hints.release) }) // before the pool is stopped
	<-hints.announced
	l.fill(late, 1, 1)
	hints.tell(late)
	l.settled(late)
}

// TestHintsDoNotWaitForABrokerThatIsAway stops the broker under an open connection.
func TestHintsDoNotWaitForABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	conn, err := nats.Connect(broker.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(time.Hour))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	hints := workers.NewNATSHints(conn, "main")
	broker.Stop()
	eventually(t, func() bool { return !conn.IsConnected() })
	began := time.Now()
	for _, last := range []bool{false, true} {
		hints.Announce(workers.Hint{TenantIDs: []string{"01a209dd-2741-7c96-9faa-1d619b7974b8"}, Free: true, Last: last})
	}
	require.Less(t, time.Since(began), 5*time.Second)
}

// TestWhatADatabaseCountsAsHeldIsGivenUpAtTheEnd grants a lease of which the process does not know, as a
// statement does whose answer was cut off.
func TestWhatADatabaseCountsAsHeldIsGivenUpAtTheEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	unknown, other := l.tenant(), l.tenant()
	config := deaf()
	config.Holder = "ends"
	metrics := newMeter()
	stop := l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") == 1 })
	for holder, tenant := range map[string]tenants.Tenant{"ends": unknown, "other": other} {
		l.execf(`update dispatch.ledger set holder = '%s', expires_at = clock_timestamp() + interval '1 hour' where tenant_id = '%s'`,
			holder, tenant.ID)
	}
	stop()
	require.Empty(t, l.holder(unknown))
	require.Equal(t, "other", l.holder(other))
}
