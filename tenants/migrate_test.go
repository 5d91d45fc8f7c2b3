package tenants_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

// behind onboards tenants that then lack the last migration.
func behind(t *testing.T, service *tenants.Service, slugs ...string) []tenants.Tenant {
	t.Helper()
	all := make([]tenants.Tenant, len(slugs))
	for i, slug := range slugs {
		_, _, err := service.Onboard(t.Context(), operator, requestFor(slug))
		require.NoError(t, err)
		all[i], err = service.MigrateDown(t.Context(), operator, slug)
		require.NoError(t, err)
		require.Equal(t, before(migrations.Tenant().Latest()), all[i].SchemaVersion)
	}
	return all
}

// before is the migration before another.
func before(id string) string {
	last := ""
	for _, version := range migrations.Tenant().Versions() {
		if version == id {
			return last
		}
		last = version
	}
	return ""
}

func TestMigrateBringsAllTenantsUp(t *testing.T) {
	t.Parallel()
	service := tenants.NewService(newClusters(t, nil), hooks)
	behind(t, service, "aaa", "bbb", "ccc")
	var reports []migrations.Progress
	failures, err := service.Migrate(t.Context(), operator, tenants.MigrateOptions{
		Parallel: 2, Progress: func(p migrations.Progress) { reports = append(reports, p) },
	})
	require.NoError(t, err)
	require.Empty(t, failures)
	require.Len(t, reports, 3)
	require.Equal(t, 3, reports[2].Done)
	for _, slug := range []string{"aaa", "bbb", "ccc"} {
		tenant, err := service.Get(t.Context(), operator, slug)
		require.NoError(t, err)
		require.Equal(t, migrations.Tenant().Latest(), tenant.SchemaVersion)
	}
	reports = nil
	_, err = service.Migrate(t.Context(), operator, tenants.MigrateOptions{Progress: func(p migrations.Progress) { reports = append(reports, p) }})
	require.NoError(t, err)
	require.Empty(t, reports, "who is up to date is passed over")
}

func TestATenantThatFailsDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	clusters := newClusters(t, nil)
	service := tenants.NewService(clusters, hooks)
	all := behind(t, service, "aaa", "bbb", "ccc")
	owner, err := clusters.Owner(tenants.HomeCluster)
	require.NoError(t, err)
	inTheWay := "create table " + all[1].SchemaName + ".delivery_attempts ()"
	_, err = owner.Pool().Exec(t.Context(), inTheWay)
	require.NoError(t, err)

	failures, err := service.Migrate(t.Context(), operator, tenants.MigrateOptions{Parallel: 1})
	require.NoError(t, err)
	require.Len(t, failures, 1)
	require.Equal(t, "bbb", failures[0].Name)
	tenant, err := service.Get(t.Context(), operator, "bbb")
	require.NoError(t, err)
	require.Contains(t, tenant.SchemaError, "delivery_attempts")
	require.Equal(t, all[1].SchemaVersion, tenant.SchemaVersion)

	_, err = owner.Pool().Exec(t.Context(), "drop table "+all[1].SchemaName+".delivery_attempts")
	require.NoError(t, err)
	failures, err = service.Migrate(t.Context(), operator, tenants.MigrateOptions{})
	require.NoError(t, err)
	require.Empty(t, failures)
	tenant, err = service.Get(t.Context(), operator, "bbb")
	require.NoError(t, err)
	require.Empty(t, tenant.SchemaError)
}

func TestTwoRunsOfMigrateDoNoHarm(t *testing.T) {
	t.Parallel()
	clusters := newClusters(t, nil)
	service := tenants.NewService(clusters, hooks)
	behind(t, service, "aaa", "bbb", "ccc", "ddd")
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := tenants.MigrateControl(t.Context(), clusters); err != nil {
				t.Error(err)
			}
			failures, err := service.Migrate(t.Context(), operator, tenants.MigrateOptions{Parallel: 2})
			if err != nil || len(failures) > 0 {
				t.Error(failures, err)
			}
		})
	}
	group.Wait()
	tenant, err := service.Get(t.Context(), operator, "ddd")
	require.NoError(t, err)
	require.Equal(t, migrations.Tenant().Latest(), tenant.SchemaVersion)
}

func TestAnInterruptedMigrateGoesOn(t *testing.T) {
	t.Parallel()
	service := tenants.NewService(newClusters(t, nil), hooks)
	behind(t, service, "aaa", "bbb", "ccc")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := service.Migrate(ctx, operator, tenants.MigrateOptions{Parallel: 1, Progress: func(migrations.Progress) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	done := 0
	_, err = service.Migrate(t.Context(), operator, tenants.MigrateOptions{Progress: func(p migrations.Progress) { done = p.Total }})
	require.NoError(t, err)
	require.Contains(t, []int{1, 2}, done, "the first one was finished")
}

func TestATenantThatIsBehindKeepsAnswering(t *testing.T) {
	t.Parallel()
	clusters := newClusters(t, func(s *config.Settings) { s.DatabasePoolSize = 1 })
	service := tenants.NewService(clusters, hooks)
	old := behind(t, service, "old")[0]
	current, _, err := service.Onboard(t.Context(), operator, requestFor("current"))
	require.NoError(t, err)
	read := func(tenant tenants.Tenant) (email string) {
		scope, err := service.ScopeOf(tenant)
		require.NoError(t, err)
		require.NoError(t, scope.Transact(t.Context(), func(tx *tenants.Tx) error {
			return tx.DB.Raw("select u.email from users u left join events e on e.request_id = ? limit 1", "r").Scan(&email).Error
		}))
		return email
	}
	for range 3 { // one connection, one text, two versions of the schema
		require.Equal(t, old.OwnerEmail, read(old))
		require.Equal(t, current.OwnerEmail, read(current))
	}
	_, err = service.Migrate(t.Context(), operator, tenants.MigrateOptions{Slug: "old"})
	require.NoError(t, err)
	require.Equal(t, old.OwnerEmail, read(old))
}

func TestMigrateToAVersion(t *testing.T) {
	t.Parallel()
	service := tenants.NewService(newClusters(t, nil), hooks)
	behind(t, service, "aaa")
	_, err := service.Migrate(t.Context(), operator, tenants.MigrateOptions{To: "nonsense"})
	require.Equal(t, "migration_unknown", fault.CodeOf(err))
	tenant, err := service.MigrateDown(t.Context(), operator, "aaa")
	require.NoError(t, err)
	failures, err := service.Migrate(t.Context(), operator, tenants.MigrateOptions{To: before(migrations.Tenant().Latest())})
	require.NoError(t, err)
	require.Empty(t, failures)
	tenant, err = service.Get(t.Context(), operator, tenant.ID)
	require.NoError(t, err)
	require.Equal(t, before(migrations.Tenant().Latest()), tenant.SchemaVersion)
	_, err = service.Migrate(t.Context(), operator, tenants.MigrateOptions{Slug: "nobody"})
	require.Equal(t, fault.NotFound, fault.KindOf(err))
}

func TestAClusterThatIsAwayFailsAlone(t *testing.T) {
	t.Parallel()
	clusters, err := tenants.OpenClusters(func() config.Settings {
		settings := settingsOf("tenantry", "eu")
		settings.Clusters["gone"] = config.Cluster{URL: "postgres://app@127.0.0.1:1/x", OwnerURL: "postgres://owner@127.0.0.1:1/x"}
		return settings
	}(), tenants.Options{})
	require.NoError(t, err)
	defer clusters.Close()
	err = tenants.MigrateControl(t.Context(), clusters)
	require.ErrorContains(t, err, "gone")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.NotContains(t, err.Error(), "eu-1")
}
