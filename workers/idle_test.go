package workers_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// TestIdleTenantsCostNextToNothing counts what PostgreSQL sees of a pool with its defaults over 200
// tenants, half of which had something to do a moment ago.
func TestIdleTenantsCostNextToNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	model := l.tenant()
	all := append(l.clones(model, 199), model)
	for _, tenant := range all[:100] {
		l.fill(tenant, 20, 5)
	}
	// Only the time after which an idle connection is closed is shorter here.
	cluster, err := tenants.OpenCluster(tenants.ClusterConfig{
		Name: tenants.HomeCluster,
		URL:  l.postgres.URL("tenantry_app", l.database) + "&pool_max_conn_idle_time=500ms&pool_health_check_period=250ms",
	})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	require.LessOrEqual(t, l.cluster.Pool().Config().MaxConnIdleTime, time.Minute)
	l.clusters.Close()
	var published atomic.Int64
	week := 7 * 24 * time.Hour
	l.run(workers.Config{Retention: workers.Retention{Messages: week, Inbox: week, Attempts: week}}, workers.Parts{
		Cluster: cluster, Source: outbox.NewSource(cluster), Hints: workers.NewNATSHints(l.conn, l.database),
		Publisher: &recorder{answer: func(workers.Event) error {
			published.Add(1)
			return nil
		}},
	})
	eventually(t, func() bool { return published.Load() == 2000 })

	outside := l.outside()
	eventually(t, func() bool { return outside.connections() <= 2 }, "the connections of the rush are closed")
	var acquired, counted float64
	for range 5 { // the server also counts its own housekeeping, and what it is told of late; both pass
		acquired, counted = outside.watch(cluster, 4*time.Second)
		require.LessOrEqual(t, acquired, 5.0)
		require.Positive(t, acquired, "the sweep goes on")
		if counted <= 5 {
			break
		}
	}
	t.Logf("%d idle tenants cost %.1f uses of a connection a second; the server counted %.1f transactions", len(all), acquired, counted)
	require.LessOrEqual(t, counted, 5.0)
}

// observer watches a lab's database from another one, so that it does not count itself.
type observer struct {
	lab  *lab
	pool *pgxpool.Pool
}

func (l *lab) outside() observer {
	l.t.Helper()
	pool, err := pgxpool.New(l.t.Context(), l.postgres.SuperuserURL())
	require.NoError(l.t, err)
	l.t.Cleanup(pool.Close)
	return observer{l, pool}
}

func (o observer) ask(question string) (n int) {
	o.lab.t.Helper()
	require.NoError(o.lab.t, o.pool.QueryRow(o.lab.t.Context(), question, o.lab.database).Scan(&n))
	return n
}

// watch sees to it that there are at most two connections for a while. It returns how often in a second
// the process used one, and how many transactions the server counted.
func (o observer) watch(cluster *tenants.Cluster, span time.Duration) (acquired, counted float64) {
	o.lab.t.Helper()
	acquires, transactions, began := cluster.Pool().Stat().AcquireCount(), o.transactions(), time.Now()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for now := range ticker.C {
		require.LessOrEqual(o.lab.t, o.connections(), 2)
		if now.Sub(began) > span {
			break
		}
	}
	seconds := time.Since(began).Seconds()
	return float64(cluster.Pool().Stat().AcquireCount()-acquires) / seconds, float64(o.transactions()-transactions) / seconds
}

// connections are the application's.
func (o observer) connections() int {
	o.lab.t.Helper()
	return o.ask(`select count(*) from pg_stat_activity where datname = $1 and usename = 'tenantry_app'`)
}

// transactions are those of which the server knows; a backend tells of its own once a second.
func (o observer) transactions() int {
	o.lab.t.Helper()
	return o.ask(`select xact_commit + xact_rollback from pg_stat_database where datname = $1`)
}
