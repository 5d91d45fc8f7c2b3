package tenants_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

const (
	denied        = "42501"
	unknownSchema = "3F000"
	unknownTable  = "42P01"
	syntax        = "42601"
)

// attack runs SQL in a tenant's scope, as an injection would, and returns PostgreSQL's refusal.
func attack(t *testing.T, scope *tenants.Scope, sql string, args ...any) string {
	t.Helper()
	var found []string
	err := scope.Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Raw(sql, args...).Scan(&found).Error
	})
	require.Error(t, err, "%s returned %v", sql, found)
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "%s: %v", sql, err)
	return refusal.Code
}

func TestATenantsScopeReachesNoOther(t *testing.T) {
	t.Parallel()
	alice, bob := newTenant(t), newTenant(t)
	scope := scopeOf(t, alice)
	fill := strings.NewReplacer("{bob}", bob.SchemaName, "{bob role}", bob.RoleName, "{alice}", alice.SchemaName).Replace
	for name, sql := range map[string]string{
		"select":               `select email from {bob}.users`,
		"insert":               `insert into {bob}.inbox values (gen_random_uuid(), 'h', now()) returning handler`,
		"update":               `update {bob}.users set name = 'x' returning name`,
		"delete":               `delete from {bob}.users returning name`,
		"sequence":             `select nextval('{bob}.events_seq_seq')::text`,
		"role":                 `select set_config('role', '{bob role}', true)`,
		"role, then read":      `select set_config('role', '{bob role}', true) || (query_to_xml('select email from {bob}.users', true, true, '')::text)`,
		"role of the session":  `select set_config('role', 'none', true)`,
		"authorization":        `select set_config('session_authorization', '{bob role}', true)`,
		"search path":          `select set_config('search_path', '{bob}', true)`,
		"settings view":        `update pg_settings set setting = '{bob role}' where name = 'role'`,
		"as XML":               `select query_to_xml('select email from {bob}.users', true, true, '')::text`,
		"as XML, own":          `select query_to_xml('select 1', true, true, '')::text`,
		"registry":             `select slug from control.tenants`,
		"dispatch":             `select slug from dispatch.tenants`,
		"dispatch functions":   `select tenant_id::text from dispatch.sweep('00000000-0000-0000-0000-000000000000', 100)`,
		"worst tenants":        `select slug from dispatch.worst('backlog', 100)`,
		"status of tenants":    `select slug from dispatch.status_of(array(select '00000000-0000-0000-0000-000000000000'::uuid))`,
		"worker processes":     `select holder from dispatch.workers`,
		"a worker's heartbeat": `select tenants::text from dispatch.heartbeat('x', interval '1s', interval '1s')`,
		"migrations":           `select id from {alice}.schema_migrations`,
		"large object":         `select lo_create(0)::text`,
		"large object, write":  `select lo_from_bytea(0, 'x')::text`,
		"advisory lock":        `select pg_advisory_lock(1)::text`,
		"advisory, in a tx":    `select pg_advisory_xact_lock(1)::text`,
		"notify":               `select pg_notify('c', 'x')::text`,
		"files":                `select pg_read_file('/etc/passwd')`,
		"sessions":             `select pg_terminate_backend(pg_backend_pid())::text`,
		"public":               `select x from public.t`,
		"with":                 `with x as (select email from {bob}.users) select email from x`,
		"locked":               `select email from {bob}.users for update`,
		"values":               `values ((select email from {bob}.users limit 1))`,
		"passwords":            `select rolpassword from pg_authid`,
		"two, without":         `select 1; select email from {bob}.users`,
		"role, as a statement": `select 1; set role {bob role}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := attack(t, scopeOf(t, alice), fill(sql))
			if strings.Contains(sql, ";") {
				require.Equal(t, syntax, code, "the extended protocol takes one statement")
				return
			}
			require.Contains(t, []string{denied, unknownSchema, unknownTable}, code)
		})
	}
	require.Equal(t, syntax, attack(t, scope, fill("select ?; set role {bob role}"), "x"), "also with arguments")
	requireOneOwner(t, bob)
}

func TestAScopeRunsNoOtherStatements(t *testing.T) {
	t.Parallel()
	tenant, other := newTenant(t), newTenant(t)
	scope := scopeOf(t, tenant)
	for _, sql := range []string{
		"set role " + other.RoleName, "SET LOCAL ROLE " + other.RoleName, "reset role", "reset all", "discard all",
		"set session authorization default", "set search_path = public", "do $$ begin end $$", "call f()",
		"prepare p as select 1", "execute p", "copy users to stdout", "lock table users", "create table x (y int)",
		"create temporary table users (id int)", "truncate users", "commit", "rollback", "begin", "savepoint s",
		"listen c", "notify c", "declare c cursor for select 1", "explain analyze select 1", "vacuum", " ",
		"-- c\nset role x", "/* c */ set role x", "\ufeffset role x", "\vset role x", "(set role x)", "selects", "table users",
		"with_x", "select_", "insert^", "update[", "delete\\",
	} {
		for _, args := range [][]any{nil, {1}} {
			err := scope.Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Exec(sql, args...).Error })
			require.ErrorIs(t, err, tenants.ErrStatement, "exec %q", sql)
			err = scope.Transact(t.Context(), func(tx *tenants.Tx) error {
				rows, err := tx.DB.Raw(sql, args...).Rows()
				if err != nil {
					return err
				}
				defer func() { _ = rows.Close() }()
				return rows.Err()
			})
			require.ErrorIs(t, err, tenants.ErrStatement, "query %q", sql)
		}
		var x int
		err := scope.Transact(t.Context(), func(tx *tenants.Tx) error {
			return tx.DB.Statement.ConnPool.QueryRowContext(t.Context(), sql).Scan(&x)
		})
		require.ErrorIs(t, err, tenants.ErrStatement, "row %q", sql)
		err = tenants.PrepareIn(t.Context(), scope, sql)
		require.ErrorIs(t, err, tenants.ErrStatement, "prepare %q", sql)
	}
}

func TestStackedStatementsAreRefused(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, newTenant(t))
	for _, args := range [][]any{nil, {"x"}} {
		for _, sql := range []string{
			"update users set name = ? where false; set role none",
			"select 1 where ? = 'x'; select 2",
		} {
			if args == nil {
				sql = strings.ReplaceAll(sql, "?", "'x'")
			}
			err := scope.Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Exec(sql, args...).Error })
			refusal, ok := errors.AsType[*pgconn.PgError](err)
			require.True(t, ok, "%s: %v", sql, err)
			require.Equal(t, syntax, refusal.Code)
		}
	}
}

// TestAScopeTakesNoOptionsAmongTheValues tries those of pgx that would change how the statement is sent.
func TestAScopeTakesNoOptionsAmongTheValues(t *testing.T) {
	t.Parallel()
	alice, bob := newTenant(t), newTenant(t)
	stacked := `select 1; set local role "` + bob.RoleName + `"; set local search_path = "` + bob.SchemaName + `"`
	for name, option := range map[string]any{
		"simple protocol": pgx.QueryExecModeSimpleProtocol, "named": pgx.NamedArgs{}, "formats": pgx.QueryResultFormats{1},
		"behind a name": sql.Named("x", pgx.QueryExecModeSimpleProtocol),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, call := range []func(tx *tenants.Tx) error{
				func(tx *tenants.Tx) error { return tx.DB.Exec(stacked, option).Error },
				func(tx *tenants.Tx) error { return tx.DB.Raw(stacked, option).Scan(new([]string)).Error },
				func(tx *tenants.Tx) error { return tx.DB.Raw(stacked, option).Row().Err() },
			} {
				require.Error(t, scopeOf(t, alice).Transact(t.Context(), call))
			}
		})
	}
}

func TestTheAuditTrailCannotBeRewritten(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	scope := scopeOf(t, tenant)
	for _, sql := range []string{
		"update events set name = 'x' returning name", "delete from events returning name",
		"insert into events (seq, id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at) " +
			"overriding system value values (1, gen_random_uuid(), 'n', 't', gen_random_uuid(), 1, 'a', 'r', '{}', now()) on conflict (seq) do update set name = 'x' returning name",
	} {
		require.Equal(t, denied, attack(t, scope, sql), sql)
	}
	// TRUNCATE is no statement of a scope; PostgreSQL refuses it to the role too.
	err := tenants.RawIn(t.Context(), scope, "truncate events")
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, denied, refusal.Code)
}

func TestWithoutAScopeThereIsNoData(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	cluster := shared.Home()
	_, err := cluster.Pool().Exec(t.Context(), "select email from "+tenant.SchemaName+".users")
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok)
	require.Equal(t, denied, refusal.Code)
	_, err = cluster.Pool().Exec(t.Context(), "select email from users")
	require.Error(t, err)

	err = tenants.Unscoped(t.Context(), cluster, "select email from users")
	require.ErrorIs(t, err, tenants.ErrUnscoped)
	var leaked *tenants.Tx
	require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error { leaked = tx; return nil }))
	require.Error(t, leaked.DB.Exec("select 1").Error, "a transaction that ended runs nothing")
}
