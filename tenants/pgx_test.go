package tenants_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

// rewriter is an option of pgx that replaces the statement after it was checked.
type rewriter string

func (r rewriter) RewriteQuery(context.Context, *pgx.Conn, string, []any) (string, []any, error) {
	return string(r), nil, nil
}

// ways are all ways to run a statement through pgx's interface.
func ways() map[string]func(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	type way = func(ctx context.Context, tx pgx.Tx, sql string, args ...any) error
	return map[string]way{
		"exec": func(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
			_, err := tx.Exec(ctx, sql, args...)
			return err
		},
		"query": func(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
			rows, _ := tx.Query(ctx, sql, args...)
			rows.Close()
			return rows.Err()
		},
		"row": func(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
			var found any
			return tx.QueryRow(ctx, sql, args...).Scan(&found)
		},
	}
}

func TestPgxWritesInTheScopesTransaction(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	add := func(tx *tenants.Tx) error {
		tag, err := tx.Pgx().Exec(t.Context(), "-- name: Add :exec\ninsert into inbox (event_id, handler, applied_at) values ($1, $2, $3)",
			"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11", "pgx", tx.Now)
		require.EqualValues(t, 1, tag.RowsAffected())
		return err
	}
	count := func() (n int) {
		require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
			return tx.Pgx().QueryRow(t.Context(), "select count(*) from inbox where handler = 'pgx'").Scan(&n)
		}))
		return n
	}
	err := scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error { return errors.Join(add(tx), errWork) })
	require.ErrorIs(t, err, errWork)
	require.Zero(t, count(), "it is rolled back with the scope's transaction")
	require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), add))
	require.Equal(t, 1, count())
}

func TestPgxReadsAsTheTenant(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
		rows, err := tx.Pgx().Query(t.Context(), "select current_user::text union all select current_schema()::text")
		require.NoError(t, err)
		require.Nil(t, rows.Conn(), "a connection is a way around the checks")
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.Equal(t, []string{tenant.RoleName, tenant.SchemaName}, found)
		require.NoError(t, err)
		var text string
		err = tx.Pgx().QueryRow(t.Context(), "select ($1::jsonb[])[1]::text", [][]byte{[]byte(`{"a":1}`)}).Scan(&text)
		require.JSONEq(t, `{"a":1}`, text, "the server says what a parameter is")
		return err
	}))
}

func TestPgxRunsNoOtherStatements(t *testing.T) {
	t.Parallel()
	tenant, other := newTenant(t), newTenant(t)
	for name, run := range ways() {
		for _, sql := range []string{
			"set role " + other.RoleName, "set local role none", "reset role", "commit", "rollback", "begin", "savepoint s",
			"do $$ begin end $$", "copy users to stdout", "listen c", "", "-- select 1", "-- c\nset role none",
			"-- c\rset role none --\nselect 1", "-- c\r\n-- d\n set role none", "/* c */ select 1", "--\x0bset role none\nreset role",
		} {
			for _, args := range [][]any{nil, {1}} {
				err := scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
					return run(t.Context(), tx.Pgx(), sql, args...)
				})
				require.ErrorIs(t, err, tenants.ErrStatement, "%s %q", name, sql)
			}
		}
	}
}

func TestPgxTakesNoOptions(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	for name, run := range ways() {
		for _, option := range []any{
			pgx.QueryExecModeSimpleProtocol,
			pgx.QueryExecModeCacheStatement,
			rewriter("set role none"),
			pgx.NamedArgs{"a": 1},
			pgx.QueryResultFormats{1},
			pgx.QueryResultFormatsByOID{23: 1},
		} {
			err := scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
				return run(t.Context(), tx.Pgx(), "select $1::int; set role none", option, 1)
			})
			require.ErrorIs(t, err, tenants.ErrStatement, "%s %v", name, option)
		}
	}
}

func TestPgxReachesNoOtherTenant(t *testing.T) {
	t.Parallel()
	alice, bob := newTenant(t), newTenant(t)
	for name, run := range ways() {
		for sql, code := range map[string]string{
			"select email from " + bob.SchemaName + ".users":          denied,
			"select set_config('role', '" + bob.RoleName + "', true)": denied,
			"select pg_notify('c', 'x')":                              denied,
			"select lo_create(0)":                                     denied,
			"select 1; set role " + bob.RoleName:                      syntax,
		} {
			err := scopeOf(t, alice).Transact(t.Context(), func(tx *tenants.Tx) error { return run(t.Context(), tx.Pgx(), sql) })
			refusal, ok := errors.AsType[*pgconn.PgError](err)
			require.True(t, ok, "%s %s: %v", name, sql, err)
			require.Equal(t, code, refusal.Code, "%s %s", name, sql)
		}
	}
	requireOneOwner(t, bob)
}

func TestPgxLeavesTheTransactionToTheScope(t *testing.T) {
	t.Parallel()
	require.NoError(t, scopeOf(t, newTenant(t)).Transact(t.Context(), func(tx *tenants.Tx) error {
		ctx, pg := t.Context(), tx.Pgx()
		_, err := pg.Begin(ctx)
		require.ErrorIs(t, err, tenants.ErrNested)
		require.ErrorIs(t, pg.Commit(ctx), tenants.ErrStatement)
		require.ErrorIs(t, pg.Rollback(ctx), tenants.ErrStatement)
		_, err = pg.Prepare(ctx, "p", "select 1")
		require.ErrorIs(t, err, tenants.ErrStatement)
		_, err = pg.CopyFrom(ctx, pgx.Identifier{"inbox"}, []string{"handler"}, pgx.CopyFromRows(nil))
		require.ErrorIs(t, err, tenants.ErrStatement)
		require.Nil(t, pg.Conn())
		batch := &pgx.Batch{}
		batch.Queue("set role none")
		results := pg.SendBatch(ctx, batch)
		_, err = results.Exec()
		require.ErrorIs(t, err, tenants.ErrStatement)
		require.ErrorIs(t, results.QueryRow().Scan(), tenants.ErrStatement)
		require.ErrorIs(t, results.Close(), tenants.ErrStatement)
		return nil
	}))
}

func TestPgxEndsWithTheTransaction(t *testing.T) {
	t.Parallel()
	cluster := openCluster(t, nil)
	alice := newTenant(t)
	placement := tenants.Placement{TenantID: alice.ID, Slug: alice.Slug, SchemaName: alice.SchemaName, RoleName: alice.RoleName}
	var leaked pgx.Tx
	require.NoError(t, cluster.Scope(placement).Transact(t.Context(), func(tx *tenants.Tx) error {
		leaked = tx.Pgx()
		return nil
	}))
	for name, run := range ways() {
		require.Error(t, run(t.Context(), leaked, "select 1"), name)
	}
	requireClean(t, cluster)

	err := cluster.Scope(placement).Transact(t.Context(), func(tx *tenants.Tx) error {
		const many = "select repeat('x', 1000) from generate_series(1, 100000)"
		_, err := tx.Pgx().Query(t.Context(), many) //nolint:sqlclosecheck // that they stay open is what is tested
		return err
	})
	require.Error(t, err, "it is not known whether all of it was done")
	requireClean(t, cluster)
}
