package migrations_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/migrations"
)

var server *embedded.Postgres //nolint:gochecknoglobals // TestMain has no other way to its tests

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if server, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Throwaway: true}); err != nil {
		return 1, fmt.Errorf("start PostgreSQL: %w", err)
	}
	code = m.Run()
	if err = server.Stop(ctx); err != nil {
		return 1, fmt.Errorf("stop PostgreSQL: %w", err)
	}
	if code == 0 {
		err = goleak.Find()
	}
	return code, err
}

var names atomic.Int32 //nolint:gochecknoglobals // numbers the databases and roles of the tests

// newOwner connects as the owner to a database of its own.
func newOwner(t *testing.T) *gorm.DB {
	t.Helper()
	name := fmt.Sprintf("own_%d", names.Add(1))
	require.NoError(t, server.CreateDatabase(t.Context(), name))
	return connect(t, "tenantry_owner", name)
}

func connect(t *testing.T, login, database string) *gorm.DB {
	t.Helper()
	dialector := postgres.New(postgres.Config{DSN: server.URL(login, database), PreferSimpleProtocol: true})
	db, err := gorm.Open(dialector, &gorm.Config{SkipDefaultTransaction: true, Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return db
}

// newTarget is a tenant's schema that does not exist yet.
func newTarget() migrations.Target {
	name := fmt.Sprintf("t_test%d", names.Add(1))
	return migrations.Target{
		Schema: name, App: "tenantry_app", Role: name,
		Prepare: fmt.Sprintf(`do $$ begin
			if not exists (select from pg_roles where rolname = '%[1]s') then create role %[1]s nologin; end if;
			if not exists (select from pg_namespace where nspname = '%[1]s') then create schema %[1]s; end if;
		end $$`, name),
	}
}

// sharedTarget is the schema control or dispatch.
func sharedTarget(schema string) migrations.Target {
	return migrations.Target{Schema: schema, App: "tenantry_app", Prepare: "create schema if not exists " + schema}
}
