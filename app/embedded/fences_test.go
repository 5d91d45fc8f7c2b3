package embedded_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

// twoTenants is what onboarding makes, as the owner: each tenant a role and a schema.
const twoTenants = `
	CREATE SCHEMA t_a; CREATE TABLE t_a.users AS SELECT 'ann@a.example' AS email;
	CREATE SCHEMA t_b; CREATE TABLE t_b.users AS SELECT 'bob@b.example' AS email;
	GRANT USAGE ON SCHEMA t_a TO t_a; GRANT SELECT ON t_a.users TO t_a;
	GRANT USAGE ON SCHEMA t_b TO t_b; GRANT SELECT ON t_b.users TO t_b;
	CREATE FUNCTION t_b.everything() RETURNS text LANGUAGE sql SECURITY DEFINER
		BEGIN ATOMIC SELECT email FROM t_a.users; END`

const twoRoles = `CREATE ROLE t_a NOLOGIN; GRANT t_a TO tenantry_app;
	CREATE ROLE t_b NOLOGIN; GRANT t_b TO tenantry_app`

// attacks are expressions and statements that reach beyond the tenant whose role is set. Each works
// in a database without the fences, which the test proves.
func attacks() map[string]string {
	return map[string]string{
		"role by set_config":        `SELECT set_config('role', 't_a', true)`,
		"search_path by set_config": `SELECT set_config('search_path', 't_a', true)`,
		"role and read at once": `SELECT set_config('role', 't_a', true),
			query_to_xml('SELECT email FROM t_a.users', true, false, '')`,
		"role by pg_settings":       `UPDATE pg_settings SET setting = 't_a' WHERE name = 'role'`,
		"a string as a query":       `SELECT query_to_xml('SELECT 1', true, false, '')`,
		"a table as XML":            `SELECT table_to_xml('pg_class', true, false, '')`,
		"a schema as XML":           `SELECT schema_to_xml('t_b', true, false, '')`,
		"a schema's schema":         `SELECT schema_to_xmlschema('t_b', true, false, '')`,
		"the database as XML":       `SELECT database_to_xml_and_xmlschema(true, false, '')`,
		"a query by ts_stat":        `SELECT ts_stat('SELECT ''a''::tsvector')`,
		"a query by ts_rewrite":     `SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')`,
		"new large object":          `SELECT lo_create(0)`,
		"new large object, old way": `SELECT lo_creat(-1)`,
		"new large object of bytes": `SELECT lo_from_bytea(0, 'x')`,
		"all large objects":         `SELECT * FROM pg_largeobject_metadata`,
		"notification":              `SELECT pg_notify('all', 'x')`,
		"session lock":              `SELECT pg_advisory_lock(1)`,
		"shared session lock":       `SELECT pg_try_advisory_lock_shared(1, 2)`,
		"transaction lock":          `SELECT pg_advisory_xact_lock(1)`,
		"transaction lock, trying":  `SELECT pg_try_advisory_xact_lock(1, 2)`,
		"session unlock":            `SELECT pg_advisory_unlock_all()`,
		"sessions":                  `SELECT * FROM pg_stat_activity`,
		"session by number":         `SELECT pg_stat_get_backend_activity(1)`,
		"activity by table":         `SELECT * FROM pg_stat_user_tables`,
		"activity of one table":     `SELECT pg_stat_get_tuples_inserted(1)`,
		"locks":                     `SELECT * FROM pg_locks`,
		"prepared statements":       `SELECT * FROM pg_prepared_statements`,
		"prepared statements, raw":  `SELECT * FROM pg_prepared_statement()`,
		"cursors":                   `SELECT * FROM pg_cursors`,
		"prepared transactions":     `SELECT * FROM pg_prepared_xacts`,
		"log of changes":            `SELECT pg_logical_emit_message(true, 'x', 'x')`,
		"snapshot":                  `SELECT pg_export_snapshot()`,
		"seed of random":            `SELECT setseed(0.5)`,
		"temporary table":           `CREATE TEMPORARY TABLE users (email text)`,
		"temporary function":        `CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		"block of code":             `DO 'BEGIN SET LOCAL ROLE t_a; END'`,
		"function of the owner":     `SELECT t_b.everything()`,
	}
}

// alwaysRefused are attacks that PostgreSQL refuses by itself; they are here so that we notice when
// it no longer does.
func alwaysRefused() map[string]string {
	return map[string]string{
		"another tenant's table": `SELECT * FROM t_a.users`,
		"ending another session": `SELECT pg_terminate_backend(pg_backend_pid())`,
		"new schema":             `CREATE SCHEMA mine`,
		"new role":               `CREATE ROLE mine`,
		"own powers":             `ALTER ROLE t_b SUPERUSER`,
		"another's membership":   `GRANT t_a TO t_b`,
		"passwords":              `SELECT * FROM pg_authid`,
		"file of the server":     `SELECT pg_read_file('PG_VERSION')`,
		"program of the server":  `COPY (SELECT 1) TO PROGRAM 'true'`,
		"import of a file":       `SELECT lo_import('/etc/hostname')`,
		"statistics of values":   `SELECT * FROM pg_statistic`,
	}
}

func TestFences(t *testing.T) {
	t.Parallel()
	server := startWith(t, embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	execute(t, connect(t, server.OwnerURL()), twoRoles)
	execute(t, connect(t, server.OwnerURL()), twoTenants)
	execute(t, connect(t, server.SuperuserURL()), "CREATE DATABASE bare OWNER tenantry_owner TEMPLATE template0")
	execute(t, connect(t, server.URL("tenantry_owner", "bare")), twoTenants)

	for name, statement := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "42501", attack(t, server.AppURL(), statement), "with the fences")
			bare := attack(t, server.URL("tenantry_app", "bare"), statement)
			require.NotEqual(t, "42501", bare, "without the fences the attack works")
		})
	}
	for name, statement := range alwaysRefused() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "42501", attack(t, server.AppURL(), statement))
		})
	}
	t.Run("the program itself", func(t *testing.T) {
		t.Parallel()
		loginsKeepWhatTheyNeed(t, server)
	})
}

// loginsKeepWhatTheyNeed: the fences stand before the tenants' roles, not before the program.
func loginsKeepWhatTheyNeed(t *testing.T, server *embedded.Postgres) {
	t.Helper()
	app, owner := connect(t, server.AppURL()), connect(t, server.OwnerURL())
	for _, statement := range []string{
		`SELECT set_config('application_name', 'x', false)`,
		`SELECT pg_advisory_xact_lock(hashtext('x'))`,
		`SELECT pg_notify('program', 'x')`,
		`SELECT count(*) FROM pg_stat_activity`,
		`SELECT count(*) FROM pg_locks`,
	} {
		execute(t, app, statement)
		execute(t, owner, statement)
	}
	execute(t, owner, `DO 'BEGIN PERFORM 1; END'`)
	execute(t, app, `BEGIN; SET LOCAL ROLE t_a; SET LOCAL search_path = t_a, pg_temp; SELECT email FROM users; COMMIT`)
	require.Equal(t, "42501", code(try(t, app, `CREATE SCHEMA mine`)))
	require.Equal(t, "42501", code(try(t, app, `SELECT email FROM t_a.users`)), "outside a tenant's role")
}

func TestBootstrapIsRepeatable(t *testing.T) {
	t.Parallel()
	require.NoError(t, shared.CreateDatabase(t.Context(), "repeated"))
	conn := connect(t, shared.URL("postgres", "repeated"))
	privileges := `SELECT md5(string_agg(oid::text || coalesce(proacl::text, ''), ',' ORDER BY oid)) FROM pg_proc`
	before := one[string](t, conn, privileges)
	execute(t, conn, embedded.BootstrapSQL())
	require.Equal(t, before, one[string](t, conn, privileges))
	require.Zero(t, one[int](t, conn,
		`SELECT count(*) FROM pg_roles WHERE rolname IN ('tenantry_app', 'tenantry_owner') AND rolsuper`))
}

// attack runs a statement inside a tenant's role and returns the code of PostgreSQL's answer.
func attack(t *testing.T, address, statement string) string {
	t.Helper()
	conn := connect(t, address)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(context.Background())) }()
	_, err = tx.Exec(t.Context(), "SET LOCAL ROLE t_b")
	require.NoError(t, err)
	return code(try(t, conn, statement))
}

// try runs a statement that may be refused.
func try(t *testing.T, conn *pgx.Conn, statement string) error {
	t.Helper()
	_, err := conn.Exec(t.Context(), statement)
	return err
}

func code(err error) string {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal.Code
	}
	return ""
}
