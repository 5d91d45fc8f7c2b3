package modules_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// openSingle is a pool of one connection, on which whatever somebody leaves is there for the next.
func openSingle(t *testing.T) *tenants.Cluster {
	t.Helper()
	cluster, err := tenants.OpenCluster(tenants.ClusterConfig{Name: "main", URL: apptest.Settings().DatabaseURL, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// session is all that a connection carries from one transaction to the next.
type session struct {
	PID                                       int
	User, SessionUser, SearchPath, Settings   string
	Prepared, Cursors, Channels, Locks, Temps int
}

// sessionOf reads it as the application's login, between two transactions.
func sessionOf(t *testing.T, cluster *tenants.Cluster) session {
	t.Helper()
	rows, err := cluster.Pool().Query(t.Context(), `
		select pg_backend_pid() as pid, current_user::text as user, session_user::text as session_user,
			current_setting('search_path') as search_path,
			(select md5(string_agg(name || '=' || setting, ',' order by name)) from pg_settings) as settings,
			(select count(*) from pg_prepared_statement()) as prepared,
			(select count(*) from pg_cursor() c where c.statement not like '%pg_listening_channels%') as cursors,
			(select count(*) from pg_listening_channels()) as channels,
			(select count(*) from pg_lock_status() l where l.pid = pg_backend_pid() and l.locktype = 'advisory') as locks,
			(select count(*) from pg_namespace where oid = pg_my_temp_schema()) as temps`)
	require.NoError(t, err)
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[session])
	require.NoError(t, err)
	return found
}

// impossible is PostgreSQL's feature_not_supported, nowhere its invalid_schema_name: without a scope there
// is no schema in which anything could be made.
const (
	impossible = "0A000"
	nowhere    = "3F000"
)

// plants are what an injection would use to leave something on the connection for the next tenant, to
// see what the last one left, or to look around.
func plants() []string {
	return []string{
		// Tables and views that shadow the next tenant's.
		`select * into temp users from users`,
		`select * into temporary pg_temp.users from users`,
		`select * into unlogged copied from users`,
		`select * into public.users from users`,
		// Settings of the session.
		`select set_config('search_path', '{b}', false)`,
		`select set_config('role', '{b}', false)`,
		`select set_config('session_authorization', '{b}', false)`,
		`select set_config('statement_timeout', '0', true)`,
		`select set_config('my.own', 'x', false)`,
		`select email from users where set_config('role', '{b}', true) is not null`,
		`select 1 from users order by set_config('search_path', '{b}', false)`,
		`insert into inbox select gen_random_uuid(), set_config('role', '{b}', true), now()`,
		`update users set name = set_config('role', '{b}', true)`,
		`with x as materialized (select set_config('role', 'none', true)) select * from x, control.tenants`,
		`update pg_settings set setting = '{b}' where name = 'role'`,
		`update pg_settings set setting = '{b}, pg_temp' where name = 'search_path'`,
		`with x as (update pg_catalog.pg_settings set setting = '{b}' where name = 'role' returning 1) select * from x`,
		`select setseed(0.5)`,
		// What outlives a transaction, or belongs to nobody.
		`select pg_advisory_lock(1)`, `select pg_advisory_lock_shared(1, 2)`, `select pg_try_advisory_lock(1)`,
		`select pg_advisory_xact_lock(1)`, `select pg_advisory_unlock_all()`,
		`select lo_create(0)`, `select lo_from_bytea(0, 'x')`, `select lo_get(1)`, `select lo_export(1, '/tmp/x')`,
		`select * from pg_largeobject`, `select * from pg_largeobject_metadata`,
		`select pg_notify('c', 'x')`, `select pg_logical_emit_message(true, 'x', 'x')`, `select pg_export_snapshot()`,
		`select pg_create_physical_replication_slot('x')`, `select pg_create_restore_point('x')`,
		// What others do.
		`select query from pg_stat_activity`, `select * from pg_locks`, `select * from pg_stat_user_tables`,
		`select * from pg_prepared_statements`, `select * from pg_cursors`, `select * from pg_prepared_xacts`,
		`select pg_blocking_pids(1)`, `select pg_stat_get_activity(null)`, `select * from pg_statistic`,
		`select pg_cancel_backend(pid) from generate_series(1, 2) pid`, `select pg_terminate_backend(1)`,
		`select lastval()`,
		// A text as a query.
		`select query_to_xml('select 1', true, true, '')`, `select cursor_to_xml('c', 1, true, true, '')`,
		`select cursor_to_xmlschema('c', true, true, '')`, `select schema_to_xml('{b}', true, true, '')`,
		`select schema_to_xml_and_xmlschema('{b}', true, true, '')`, `select database_to_xml(true, true, '')`,
		`select ts_stat('select 1')`, `select ts_rewrite('a'::tsquery, 'select 1')`,
		// The machine.
		`select pg_read_file('PG_VERSION')`, `select pg_read_binary_file('/etc/passwd')`, `select pg_ls_dir('.')`,
		`select pg_stat_file('.')`, `select lo_import('/etc/passwd')`, `select * from pg_file_settings`,
		`select * from pg_hba_file_rules`, `select pg_reload_conf()`, `select pg_rotate_logfile()`, `select pg_switch_wal()`,
		`select * from pg_authid`, `select * from pg_shadow`, `select * from pg_user_mapping`,
		`select pg_current_logfile()`, `select * from pg_config()`, `select * from pg_backend_memory_contexts`,
	}
}

// TestNothingThatATenantPlantsStaysOnTheConnection tries each on a connection on which another tenant
// has just worked and works again afterwards.
func TestNothingThatATenantPlantsStaysOnTheConnection(t *testing.T) {
	t.Parallel()
	attacker, other := newEstate(t), newEstate(t)
	cluster := openSingle(t)
	before := sessionOf(t, cluster)
	for _, plant := range plants() {
		requireOwnRows(t, cluster, other)
		sql := strings.ReplaceAll(plant, "{b}", other.Tenant.Tenant.SchemaName)
		require.Contains(t, []string{denied, impossible}, inScope(t, cluster.Scope(attacker.Tenant.Tenant.Placement()), sql), sql)
		require.Equal(t, before, sessionOf(t, cluster), sql)
	}
	requireOwnRows(t, cluster, other)
}

// requireOwnRows does what a tenant does: it adds to its tables, which moves a sequence, and reads them.
func requireOwnRows(t *testing.T, cluster *tenants.Cluster, e *estate) {
	t.Helper()
	require.NoError(t, cluster.Scope(e.Tenant.Tenant.Placement()).Transact(t.Context(), func(tx *tenants.Tx) error {
		var path, email string
		row := tx.DB.Raw("select array_to_string(current_schemas(true), ','), (select email from users where id = ?)", e.UserID).Row()
		if err := row.Scan(&path, &email); err != nil {
			return err
		}
		require.Equal(t, "pg_catalog,"+e.Tenant.Tenant.SchemaName, path)
		require.Equal(t, e.Email, email)
		return tx.DB.Exec(`insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
			values (gen_random_uuid(), 'Test.noted', 'Test', gen_random_uuid(), 1, 'a', '', '{}', now())`).Error
	}))
}

// TestNobodyMakesTemporaryThings: not even in the place of a statement, and not the application's login
// itself, which every tenant's connection was opened with.
func TestNobodyMakesTemporaryThings(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	for _, sql := range []string{
		"create temporary table users (email text)", "create temp table pg_temp.users (email text)", "create temp view users as select 1",
		"create temp sequence s", "create table x (y int)", "create schema mine", "create schema authorization current_user",
		"create function pg_temp.f() returns int language sql as 'select 1'", "create type pg_temp.x as enum ('a')",
		"do 'begin end'", "create extension dblink", "create foreign data wrapper x", "create event trigger x on ddl_command_end execute function x()",
	} {
		require.Equal(t, denied, asRole(t, e.Tenant.Tenant, sql), sql)
		_, err := apptest.Clusters().Home().Pool().Exec(t.Context(), sql)
		require.Contains(t, []string{denied, nowhere}, codeOf(t, sql, err), "as the login: %s", sql)
	}
}
