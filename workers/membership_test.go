package workers_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// shares are how many tenants each process holds, by its name.
func (l *lab) shares() map[string]int {
	l.t.Helper()
	rows, err := l.superuser.Query(l.t.Context(), `select holder, count(*) from dispatch.ledger
		where expires_at > clock_timestamp() group by holder`)
	require.NoError(l.t, err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var holder string
		var n int
		require.NoError(l.t, rows.Scan(&holder, &n))
		all[holder] = n
	}
	require.NoError(l.t, rows.Err())
	return all
}

// sharedBy waits until so many processes hold as many tenants each, and returns how long that took.
func (l *lab) sharedBy(each int, holders ...string) time.Duration {
	l.t.Helper()
	began := time.Now()
	eventually(l.t, func() bool {
		shares := l.shares()
		for _, holder := range holders {
			if shares[holder] != each {
				return false
			}
		}
		return len(shares) == len(holders)
	}, "%d each for %v", each, holders)
	return time.Since(began)
}

// named is a configuration of a process in a test of several.
func named(holder string, ttl time.Duration) workers.Config {
	config := fast()
	config.Holder, config.LeaseTTL = holder, ttl
	return config
}

// member runs a pool with hints of its own, as a process has.
func (l *lab) member(config workers.Config, broker workers.Publisher) (stop func()) {
	l.t.Helper()
	return l.run(config, workers.Parts{Publisher: broker, Hints: workers.NewNATSHints(l.conn, l.database)})
}

// fences is a text that changes when any lease changes its holder.
func (l *lab) fences() string {
	l.t.Helper()
	return l.text(`select string_agg(holder || fence::text, ' ' order by tenant_id) from dispatch.ledger`)
}

func TestTheTenantsAreSharedWithWhoJoinsAndTakenOverFromWhoLeaves(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	model := l.tenant()
	all := append(l.clones(model, 11), model)
	broker := &recorder{}
	load := func() {
		for _, tenant := range all {
			l.fill(tenant, 20, 2)
		}
	}
	const ttl = 4500 * time.Millisecond
	load()
	l.member(named("first", ttl), broker)
	l.sharedBy(12, "first")

	stopSecond := l.member(named("second", ttl), broker)
	load()
	took := l.sharedBy(6, "first", "second")
	t.Logf("shared by two after %s", took)
	require.Less(t, took, ttl/3+5*time.Second, "with the next renewal, and in the time that the machine needs")
	l.member(named("third", ttl), broker)
	load()
	t.Logf("shared by three after %s", l.sharedBy(4, "first", "second", "third"))

	// Nothing moves while nobody comes or goes.
	still := l.fences()
	renewed := func() string { return l.text(`select min(expires_at)::text from dispatch.ledger`) }
	for range 3 {
		before := renewed()
		eventually(t, func() bool { return renewed() != before })
	}
	require.Equal(t, still, l.fences())

	// The leases of who stops are taken over before they could run out, and are shared evenly with one of the
	// renewals that follow.
	load()
	stopSecond()
	stopped := time.Now()
	eventually(t, func() bool {
		return l.count(`select count(*) from dispatch.ledger where holder <> 'second' and expires_at > clock_timestamp()`) == len(all)
	})
	require.Less(t, time.Since(stopped), ttl*2/3)
	l.sharedBy(6, "first", "third")
	require.Zero(t, l.count(`select count(*) from dispatch.workers where holder = 'second'`))
	for _, tenant := range all {
		l.settled(tenant)
		requireOrder(t, broker.of(tenant))
		require.Len(t, broker.of(tenant), 80)
	}
}

func TestTheOthersTakeOverFromAProcessThatWasKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(6)
	for _, tenant := range all {
		l.fill(tenant, 10, 2)
	}
	const ttl = 1500 * time.Millisecond
	victim, err := l.startWorker(t.Context(), orders{Holder: "victim", LeaseTTL: ttl, BatchSize: 100})
	require.NoError(t, err)
	l.sharedBy(6, "victim")
	// The others sweep once and hear no hints: what they know of the victim's tenants is its death.
	for _, holder := range []string{"second", "third"} {
		config := deaf()
		config.Holder, config.LeaseTTL = holder, ttl
		l.run(config, workers.Parts{})
	}
	for _, tenant := range all {
		l.settled(tenant)
	}
	require.NoError(t, victim.cmd.Process.Kill())
	<-victim.ended
	died := time.Now()
	for _, tenant := range all {
		l.fill(tenant, 10, 2)
	}
	for _, tenant := range all {
		l.settled(tenant)
	}
	took := time.Since(died)
	t.Logf("taken over %s after the death", took)
	require.Less(t, took, ttl+ttl/3+5*time.Second, "the leases' time and a renewal, and what the machine needs")
	eventually(t, func() bool { return l.count(`select count(*) from dispatch.workers`) == 2 }, "the dead one is forgotten")
	shares := l.shares()
	require.Equal(t, 6, shares["second"]+shares["third"])
	l.requireStream(all...)
}

// TestAProcessThatCountsAsLiveAndTakesNothingStarvesNobody has one in the table that never dies.
func TestAProcessThatCountsAsLiveAndTakesNothingStarvesNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(4)
	l.execf(`insert into dispatch.workers (holder, seen_at) values ('ghost', clock_timestamp() + interval '1 hour')`)
	for _, tenant := range all {
		l.fill(tenant, 1, 1)
	}
	broker, metrics := &recorder{}, newMeter()
	l.run(named("only", 2*time.Second), workers.Parts{
		Publisher: broker, Hints: workers.NewNATSHints(l.conn, l.database), Metrics: workers.NewMetrics(metrics.registry),
	})
	for _, tenant := range all {
		l.settled(tenant)
	}
	require.InDelta(t, 2, metrics.value(t, "processes"), 0)
	eventually(t, func() bool { return metrics.value(t, "leases_handed_over_total") == 2 }, "it offers the ghost its share")
	for _, tenant := range all {
		l.fill(tenant, 1, 1)
	}
	offered := time.Now()
	for _, tenant := range all {
		l.settled(tenant)
	}
	require.Less(t, time.Since(offered), 2*time.Second, "after a tenth of the leases' time it takes them itself")
	l.sharedBy(4, "only")
	require.InDelta(t, 2, metrics.value(t, "leases_handed_over_total"), 0, "and offers no more for a while")
}

func TestANewProcessOfTheSameNameGoesOnAtOnceUnderNewFences(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	mine, others := l.tenant(), l.tenant()
	l.fill(mine, 400, 20)
	l.countable(mine)
	former, err := l.startWorker(t.Context(), orders{Holder: "same", LeaseTTL: 10 * time.Minute, BatchSize: 50, Point: acknowledged, Hit: 3})
	require.NoError(t, err)
	require.NoError(t, former.killed())
	require.Equal(t, "same", l.holder(mine))
	fence := l.count(`select fence from dispatch.ledger where tenant_id = '%s'`, mine.ID)
	l.steal(others.ID, 10*time.Minute)

	l.run(held("same"), workers.Parts{Handlers: []workers.Handler{counter()}})
	l.settled(mine)
	require.Equal(t, fence+1, l.count(`select fence from dispatch.ledger where tenant_id = '%s'`, mine.ID))
	require.Equal(t, "thief", l.holder(others), "it takes nothing that another one holds")
	l.requireStream(mine)
	l.requireEffects(mine)

	// What the former one left under way is refused.
	_, err = l.source.Complete(t.Context(), workers.Lease{
		Placement: mine.Placement(), Holder: "same", Fence: int64(fence),
	}, []workers.Outcome{{Seq: 1, LockVersion: 1}}, nil)
	require.ErrorIs(t, err, workers.ErrLeaseLost)
}

// TestLeasesDoNotWaitBehindTheTurns occupies every connection of the tenants for longer than a lease.
func TestLeasesDoNotWaitBehindTheTurns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(3)
	for _, tenant := range all {
		l.fill(tenant, 1, 1)
	}
	cluster, err := tenants.OpenCluster(tenants.ClusterConfig{
		Name: tenants.HomeCluster, URL: l.postgres.URL("tenantry_app", l.database), MaxConns: 2,
	})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	working, release, metrics := make(chan struct{}, len(all)), make(chan struct{}), newMeter()
	config := named("busy", 600*time.Millisecond)
	config.SweepPauseMin, config.SweepPauseMax = time.Hour, time.Hour
	l.run(config, workers.Parts{
		Cluster: cluster, Source: outbox.NewSource(cluster), Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry),
		Handlers: []workers.Handler{{
			Name: "long", Events: []string{"*"}, Timeout: time.Minute,
			Transactional: func(context.Context, *tenants.Tx, workers.Event) error {
				working <- struct{}{}
				<-release
				return nil
			},
		}},
	})
	finish := sync.OnceFunc(func() { close(release) })
	t.Cleanup(finish) // before the pool is stopped
	for range 2 {
		<-working
	}
	first := l.fences()
	for range 4 { // renewals
		before := l.text(`select max(expires_at)::text from dispatch.ledger`)
		eventually(t, func() bool { return l.text(`select max(expires_at)::text from dispatch.ledger`) != before })
	}
	require.Equal(t, first, l.fences())
	require.Contains(t, strings.Fields(first), "busy1")
	require.Zero(t, metrics.value(t, "leases_lost_total"))
	finish()
	for _, tenant := range all {
		l.settled(tenant)
	}
	require.Zero(t, metrics.value(t, "leases_lost_total"))
}
