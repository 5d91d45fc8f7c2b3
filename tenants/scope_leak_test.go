package tenants_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

// openCluster is a pool of its own on the home database.
func openCluster(t *testing.T, change func(*tenants.ClusterConfig)) *tenants.Cluster {
	t.Helper()
	settings := tenants.ClusterConfig{Name: "main", URL: server.URL("tenantry_app", "tenantry"), MaxConns: 1}
	if change != nil {
		change(&settings)
	}
	cluster, err := tenants.OpenCluster(settings)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// requireClean checks that a connection carries nothing of the transactions before.
func requireClean(t *testing.T, cluster *tenants.Cluster) {
	t.Helper()
	var user, path, timeout string
	require.NoError(t, cluster.Pool().QueryRow(t.Context(), "select current_user, current_setting('search_path'), current_setting('statement_timeout')").
		Scan(&user, &path, &timeout))
	require.Equal(t, []string{"tenantry_app", `"$user", public`, "0"}, []string{user, path, timeout})
}

// whoAmI reads where a transaction is.
func whoAmI(tx *tenants.Tx) (user, schema string, err error) {
	row := tx.DB.Raw("select current_user::text, current_schema()::text").Row()
	err = row.Scan(&user, &schema)
	return user, schema, err
}

var errWork = errors.New("the work failed")

// endings are the ways in which a transaction can end.
func endings() map[string]func(ctx context.Context, cancel context.CancelFunc, tx *tenants.Tx) error {
	type ending = func(context.Context, context.CancelFunc, *tenants.Tx) error
	return map[string]ending{
		"commit": func(context.Context, context.CancelFunc, *tenants.Tx) error { return nil },
		"error":  func(context.Context, context.CancelFunc, *tenants.Tx) error { return errWork },
		"panic":  func(context.Context, context.CancelFunc, *tenants.Tx) error { panic(errWork) },
		"aborted": func(_ context.Context, _ context.CancelFunc, tx *tenants.Tx) error {
			return tx.DB.Exec("select 1 / 0").Error
		},
		"aborted, unnoticed": func(_ context.Context, _ context.CancelFunc, tx *tenants.Tx) error {
			_ = tx.DB.Exec("select 1 / 0").Error
			return nil
		},
		"cancelled before": func(_ context.Context, cancel context.CancelFunc, tx *tenants.Tx) error {
			cancel()
			return tx.DB.Exec("select 1").Error
		},
		"cancelled during": func(_ context.Context, cancel context.CancelFunc, tx *tenants.Tx) error {
			stop := time.AfterFunc(time.Millisecond, cancel)
			defer stop.Stop()
			return tx.DB.Exec("select pg_sleep(1)").Error
		},
		"cancelled, unnoticed": func(_ context.Context, cancel context.CancelFunc, _ *tenants.Tx) error {
			cancel()
			return nil
		},
	}
}

func TestNothingLeaksThroughAPoolOfOneConnection(t *testing.T) {
	t.Parallel()
	cluster := openCluster(t, nil)
	both := []tenants.Tenant{newTenant(t), newTenant(t)}
	for name, end := range endings() {
		for i := range 4 {
			tenant := both[i%2]
			ran := endWith(t, cluster.Scope(tenant.Placement()), tenant, end)
			require.True(t, ran, name)
			requireClean(t, cluster)
		}
	}
}

// endWith runs one transaction and checks, inside it, that it is where it should be.
func endWith(t *testing.T, scope *tenants.Scope, tenant tenants.Tenant, end func(context.Context, context.CancelFunc, *tenants.Tx) error) (ran bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() { _ = recover() }()
	_ = scope.Transact(ctx, func(tx *tenants.Tx) error {
		user, schema, err := whoAmI(tx)
		if err != nil || user != tenant.RoleName || schema != tenant.SchemaName {
			t.Errorf("in the transaction of %s: %s in %s, %v", tenant.RoleName, user, schema, err)
		}
		ran = true
		return end(ctx, cancel, tx)
	})
	return ran
}

func TestNothingLeaksBetweenTenantsAtOnce(t *testing.T) {
	t.Parallel()
	cluster := openCluster(t, func(c *tenants.ClusterConfig) { c.MaxConns = 3 })
	all := []tenants.Tenant{newTenant(t), newTenant(t), newTenant(t)}
	ways := endings()
	var names []string
	for name := range ways {
		names = append(names, name)
	}
	var group sync.WaitGroup
	for worker := range uint64(6) {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, worker))
			for range 40 {
				tenant := all[random.IntN(len(all))]
				if !endWith(t, cluster.Scope(tenant.Placement()), tenant, ways[names[random.IntN(len(names))]]) {
					t.Error("the transaction did not run")
				}
			}
		})
	}
	group.Wait()
	requireClean(t, cluster)
	idle := func() bool { return cluster.Pool().Stat().AcquiredConns() == 0 }
	require.Eventually(t, idle, 20*time.Second, time.Millisecond, "every connection came back: %+v", cluster.Pool().Stat())
}

func TestAFailedPipelineLeavesNothing(t *testing.T) {
	t.Parallel()
	cluster, tenant := openCluster(t, nil), newTenant(t)
	scope := cluster.Scope(tenant.Placement())
	require.Error(t, scope.Pipeline(t.Context(), tenants.Statement{SQL: "select 1 / 0"}))
	requireClean(t, cluster)
	var schema string
	require.NoError(t, scope.Pipeline(t.Context(), tenants.Statement{
		SQL: "select current_schema()::text",
		Read: func(rows pgx.Rows) error {
			_, err := pgx.ForEachRow(rows, []any{&schema}, func() error { return nil })
			return err
		},
	}))
	require.Equal(t, tenant.SchemaName, schema)
	requireClean(t, cluster)
}

func TestNestingIsRefused(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, newTenant(t))
	err := scope.Transact(t.Context(), func(*tenants.Tx) error {
		return scope.Transact(t.Context(), func(*tenants.Tx) error { return nil })
	})
	require.ErrorIs(t, err, tenants.ErrNested)
	require.NoError(t, scope.Transact(t.Context(), func(*tenants.Tx) error { return nil }), "one after the other is fine")
	err = scope.Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Begin().Error })
	require.Error(t, err, "also through GORM")
}

func TestACommitThatRolledBackIsReported(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	committed := 0
	cluster := openCluster(t, func(c *tenants.ClusterConfig) { c.OnCommit = func(string) { committed++ } })
	err := cluster.Scope(tenant.Placement()).Transact(t.Context(), func(tx *tenants.Tx) error {
		tx.Touch()
		_ = tx.DB.Exec("select 1 / 0").Error // ignored, so the transaction goes on, aborted
		return nil
	})
	require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
	require.Zero(t, committed)
}

func TestAConstraintCheckedAtCommitIsReported(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	admin := superuser(t, "tenantry")
	_, err := admin.Exec(t.Context(), `create table `+tenant.SchemaName+`.d (x int unique deferrable initially deferred);
		grant insert on `+tenant.SchemaName+`.d to `+tenant.RoleName)
	require.NoError(t, err)
	cluster := openCluster(t, nil)
	err = cluster.Scope(tenant.Placement()).Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec("insert into d values (1), (1)").Error
	})
	require.ErrorContains(t, err, "duplicate key")
	requireClean(t, cluster)
}

func TestConnectionsAreRetiredAfterManyTenants(t *testing.T) {
	t.Parallel()
	var retired atomic.Int32
	cluster := openCluster(t, func(c *tenants.ClusterConfig) {
		c.TenantsPerConn = 3
		c.OnRetire = func() { retired.Add(1) }
	})
	three := []tenants.Tenant{newTenant(t), newTenant(t), newTenant(t)}
	process := func(i int) (id int) {
		require.NoError(t, cluster.Scope(three[i].Placement()).Transact(t.Context(), func(tx *tenants.Tx) error {
			return tx.DB.Raw("select pg_backend_pid()").Scan(&id).Error
		}))
		return id
	}
	first := process(0)
	for range 10 {
		require.Equal(t, first, process(0), "the same tenant again costs nothing")
	}
	require.Equal(t, first, process(1))
	require.Equal(t, first, process(0), "it has served this one before")
	require.Equal(t, first, process(2))
	require.Eventually(t, func() bool { return retired.Load() == 1 }, 5*time.Second, time.Millisecond)
	require.NotEqual(t, first, process(1))
}

func TestTransactRepeatsADeadlock(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	attempts := 0
	admin := superuser(t, "tenantry")
	_, err := admin.Exec(t.Context(), `create function `+tenant.SchemaName+`.fail() returns void language plpgsql as
		$$ begin raise exception 'x' using errcode = '40P01'; end $$; grant execute on function `+tenant.SchemaName+`.fail() to `+tenant.RoleName)
	require.NoError(t, err)
	require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
		if attempts++; attempts < 3 {
			return tx.DB.Exec("select fail()").Error
		}
		return nil
	}))
	require.Equal(t, 3, attempts)
}
