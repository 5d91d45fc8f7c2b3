package workers_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// writer is the process that the events come from: its clusters tell of each commit.
type writer struct {
	lab     *lab
	cluster *tenants.Cluster
}

// newWriter makes one; hints may be nil, when all of them are lost.
func (l *lab) newWriter(hints *workers.NATSHints, all ...tenants.Tenant) *writer {
	l.t.Helper()
	for _, tenant := range all {
		l.execf(`create table %[1]s.things (id uuid primary key, lock_version bigint, created_at timestamptz, updated_at timestamptz);
			grant select, insert, update on %[1]s.things to %[2]s`, tenant.SchemaName, tenant.RoleName)
	}
	cluster, err := tenants.OpenCluster(tenants.ClusterConfig{
		Name: tenants.HomeCluster, URL: l.postgres.URL("tenantry_app", l.database),
		OnCommit: func(tenantID string) {
			if hints != nil {
				hints.Touch(tenantID)
			}
		},
	})
	require.NoError(l.t, err)
	l.t.Cleanup(cluster.Close)
	return &writer{l, cluster}
}

// commit saves a new aggregate with its event, as a service does.
func (w *writer) commit(tenant tenants.Tenant) {
	w.lab.t.Helper()
	made := &thing{Root: aggregate.Root{ID: uuid.NewString()}}
	made.Record(aggregate.Event{Name: "Thing.made", Data: struct{}{}})
	require.NoError(w.lab.t, w.cluster.Scope(tenant.Placement()).Transact(w.lab.t.Context(), func(tx *tenants.Tx) error {
		return outbox.Save(tx, tenants.Actor{UserID: "tester"}, made)
	}))
}

func TestACommitIsPublishedWithoutWaitingForASweep(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(3)
	hints := workers.NewNATSHints(l.conn, l.database)
	t.Cleanup(hints.Close)
	w := l.newWriter(hints, all...)
	broker, metrics := &recorder{}, newMeter()
	l.run(deaf(), workers.Parts{
		Publisher: broker, Hints: workers.NewNATSHints(l.conn, l.database), Metrics: workers.NewMetrics(metrics.registry),
	})
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") == 1 }, "it looks once, and then for an hour no more")
	var slowest time.Duration
	for round := range 5 {
		for _, tenant := range all {
			w.commit(tenant)
			committed := time.Now()
			eventually(t, func() bool { return len(broker.of(tenant)) == round+1 })
			slowest = max(slowest, time.Since(committed))
		}
	}
	require.Less(t, slowest, time.Second)
	t.Logf("the slowest of 15 commits was published after %s", slowest)
}

func TestTheSweepFindsWhatNoHintToldOf(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(7)
	w := l.newWriter(nil, all...)
	broker := &recorder{}
	config := fast()
	config.SweepChunk = 3 // several chunks to a round
	config.SweepPauseMin, config.SweepPauseMax = 50*time.Millisecond, 100*time.Millisecond
	for _, tenant := range all[:3] {
		w.commit(tenant) // before the worker starts
	}
	l.run(config, workers.Parts{Publisher: broker})
	for _, tenant := range all[:3] {
		eventually(t, func() bool { return len(broker.of(tenant)) == 1 }, "a worker that starts late finds what waits")
	}
	var slowest time.Duration
	for _, tenant := range all {
		before := len(broker.of(tenant))
		w.commit(tenant)
		committed := time.Now()
		eventually(t, func() bool { return len(broker.of(tenant)) == before+1 })
		slowest = max(slowest, time.Since(committed))
	}
	// A round is three chunks and one that finds no more, each after at most 110 ms.
	require.Less(t, slowest, 4*110*time.Millisecond+time.Second)
	t.Logf("the slowest of 7 commits was found after %s", slowest)
}

func TestHintsComeAgainWhenTheBrokerWasRestarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { broker.Stop() })
	l := newLabOn(t, servers.postgres, broker.URL())
	tenant := l.tenant()
	hints := workers.NewNATSHints(l.conn, l.database)
	t.Cleanup(hints.Close)
	w := l.newWriter(hints, tenant)
	config, metrics := deaf(), newMeter()
	conn, _ := connect(t, broker.URL()) // the worker's own, as in a process of its own
	l.run(config, workers.Parts{Hints: workers.NewNATSHints(conn, l.database), Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") == 1 })
	w.commit(tenant)
	l.settled(tenant)

	broker.Stop()
	eventually(t, func() bool { return !l.conn.IsConnected() && !conn.IsConnected() })
	w.commit(tenant) // its hint is lost; the next one wakes the tenant for both
	broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: dir, Listen: strings.TrimPrefix(broker.URL(), "nats://")})
	require.NoError(t, err)
	eventually(t, func() bool { return l.conn.IsConnected() && conn.IsConnected() })
	require.NoError(t, conn.Flush()) // its subscription is there again
	w.commit(tenant)
	l.settled(tenant)
	l.requireStream(tenant)
}

func TestHintsGatherTheTenantsOfAMoment(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hints, heard := workers.NewNATSHints(l.conn, l.database), make(chan workers.Hint, 1000)
	stop, err := hints.Subscribe(func(hint workers.Hint) { heard <- hint })
	require.NoError(t, err)
	defer stop()
	other := workers.NewNATSHints(l.conn, l.database+"-other")
	stopOther, err := other.Subscribe(func(workers.Hint) { t.Error("another cluster's hint") })
	require.NoError(t, err)
	defer stopOther()
	const count = 5000 // more than fit into one message
	touched := map[string]bool{}
	for range count {
		id := uuid.NewString()
		touched[id] = true
		for range 3 {
			hints.Touch(id)
		}
	}
	hints.Touch("no tenant's id")
	hints.Close()
	hints.Touch(uuid.NewString())
	var messages atomic.Int64
	for len(touched) > 0 {
		hint := <-heard
		messages.Add(1)
		require.False(t, hint.Free)
		for _, id := range hint.TenantIDs {
			require.NotEqual(t, "no tenant's id", id)
			delete(touched, id)
		}
	}
	require.Less(t, messages.Load(), int64(count/3))
	require.NoError(t, l.conn.Flush())
	require.Empty(t, heard)
}
