package migrations_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/migrations"
)

func TestUpAgainChangesNothing(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	version, err := history.Version(t.Context(), db, target.Schema)
	require.NoError(t, err)
	require.Empty(t, version)
	for range 2 {
		version, err = history.Up(t.Context(), db, target)
		require.NoError(t, err)
		require.Equal(t, history.Latest(), version)
	}
	version, err = history.Version(t.Context(), db, target.Schema)
	require.NoError(t, err)
	require.Equal(t, history.Latest(), version)
}

func TestUpGoesOnFromWhereASchemaIs(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	behind := history.Versions()[len(history.Versions())-2]
	version, err := history.UpTo(t.Context(), db, target, behind)
	require.NoError(t, err)
	require.Equal(t, behind, version)
	version, err = history.Up(t.Context(), db, target)
	require.NoError(t, err)
	require.Equal(t, history.Latest(), version)
}

func TestManyUpsAtOnceDoNoHarm(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if version, err := history.Up(t.Context(), db, target); err != nil || version != history.Latest() {
				t.Errorf("version %q, %v", version, err)
			}
		})
	}
	group.Wait()
	var count int
	require.NoError(t, db.Raw("select count(*) from "+target.Schema+".schema_migrations").Scan(&count).Error)
	require.Equal(t, len(history.Versions())+1, count, "each once, and the mark of the one script")
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	ids := history.Versions()
	_, err := history.UpTo(t.Context(), db, target, ids[0])
	require.NoError(t, err)
	require.NoError(t, db.Exec("create table "+target.Schema+".inbox (x int)").Error) // in the way of the second
	before := catalog(t, db, target)
	_, err = history.Up(t.Context(), db, target)
	require.ErrorContains(t, err, "inbox")
	require.Equal(t, before, catalog(t, db, target))
	version, err := history.Version(t.Context(), db, target.Schema)
	require.NoError(t, err)
	require.Equal(t, ids[0], version)
}

func TestABusyTableEndsAMigrationInsteadOfAQueue(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	_, err := history.UpTo(t.Context(), db, target, history.Versions()[1])
	require.NoError(t, err)
	holder := db.Begin()
	defer holder.Rollback()
	require.NoError(t, holder.Exec("lock table "+target.Schema+".events in share row exclusive mode").Error)
	_, err = history.Up(t.Context(), db, target)
	require.ErrorContains(t, err, "lock timeout")
}

func TestANewerSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	_, err := history.Up(t.Context(), db, target)
	require.NoError(t, err)
	require.NoError(t, db.Exec("insert into "+target.Schema+".schema_migrations values ('9999_future')").Error)
	_, err = history.Up(t.Context(), db, target)
	require.Equal(t, "schema_newer", fault.CodeOf(err))
	_, err = history.UpTo(t.Context(), db, target, "nonsense")
	require.Equal(t, "migration_unknown", fault.CodeOf(err))
}

func TestACancelledMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	db, history, target := newOwner(t), migrations.Tenant(), newTarget()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := history.Up(ctx, db, target)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, catalog(t, db, target))
}

func TestTheTenantsRoleHasNoRightsOnTheHistory(t *testing.T) {
	t.Parallel()
	db, target := newOwner(t), newTarget()
	_, err := migrations.Tenant().Up(t.Context(), db, target)
	require.NoError(t, err)
	var allowed []string
	require.NoError(t, db.Raw(`select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p
		where has_table_privilege(@role, @table, p) or has_table_privilege('tenantry_app', @table, p)`,
		map[string]any{"role": target.Role, "table": target.Schema + ".schema_migrations"}).Scan(&allowed).Error)
	require.Empty(t, allowed)
}

func TestNamesCannotEndWhatTheyStandIn(t *testing.T) {
	t.Parallel()
	db, target := newOwner(t), newTarget()
	target.Role = `x"; drop schema "` + target.Schema + `" cascade; --`
	_, err := migrations.Tenant().Up(t.Context(), db, target)
	require.ErrorContains(t, err, "does not exist", "it is taken for the name of a role")
}
