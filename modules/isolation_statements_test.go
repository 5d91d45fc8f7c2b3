package modules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// commands are statements that PostgreSQL allows the application's login or leaves something behind.
func commands(other tenants.Tenant) []string {
	return []string{
		"set role " + other.RoleName, "set local role " + other.RoleName, "set session role none", "reset role",
		"set session authorization " + other.RoleName, "set session authorization default", "reset session authorization",
		"set search_path = " + other.SchemaName, "set statement_timeout = 0", "reset all", "discard all", "discard temp",
		"do $$ begin set local role " + other.RoleName + "; end $$", "call x()",
		"prepare p as select * from users", "execute p", "deallocate all",
		"copy users to stdout", "copy users from stdin", "copy (select 1) to program 'true'",
		"listen c", "unlisten *", "notify c", "load 'auto_explain'",
		"declare c cursor with hold for select * from users", "fetch all from c", "close all",
		"create temporary table users (email text)", "create temp view users as select 1", "create function f() returns int return 1",
		"create table x (y int)", "drop table users", "truncate users", "alter role current_user set role to " + other.RoleName,
		"grant all on users to public", "lock table users", "explain analyze select 1", "table users", "show all",
		"begin", "commit", "rollback", "savepoint s", "prepare transaction 'x'", "end", "abort",
		"vacuum", "analyze", "checkpoint", "comment on table users is 'x'", "security label on table users is 'x'",
	}
}

// disguises put a statement where a hasty look does not see it.
func disguises(sql string) []string {
	return []string{
		sql, strings.ToUpper(sql), " \t\n\r" + sql, "(" + sql + ")", "((" + sql, "/* select */ " + sql, "/* a /* b */ c */" + sql,
		"-- select 1\n" + sql, "--\r" + sql, "\v" + sql, "\f" + sql, "\u00a0" + sql, "\ufeff" + sql, "\x00" + sql, "; " + sql, sql + "; select 1",
		"select 1; " + sql, "select 1 /* ; */ ; " + sql, "select 1 -- x\n; " + sql, "select ';' ; " + sql, "(select 1); " + sql,
		"values (1);" + sql, "with x as (select 1 as one) select one from x;" + sql, "insert into inbox select;" + sql,
		"update users set name = name where false; " + sql, "delete from inbox where false;" + sql,
	}
}

// TestAScopeRunsOneQueryOrChangeAndNothingElse sends every command in every disguise by every way that a
// transaction has, with an argument and without.
func TestAScopeRunsOneQueryOrChangeAndNothingElse(t *testing.T) {
	t.Parallel()
	attacker, other := newEstate(t), newEstate(t)
	before := other.snapshot(t)
	for _, command := range commands(other.Tenant.Tenant) {
		waiting := disguises(command)
		for len(waiting) > 0 { // what PostgreSQL itself refuses ends the transaction
			_ = attacker.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
				for len(waiting) > 0 {
					sql := waiting[0]
					waiting = waiting[1:]
					if err := requireRefused(t, tx.DB, sql); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	require.Equal(t, before, other.snapshot(t))
}

// requireRefused tries all ways. It returns an error when it was PostgreSQL that refused.
func requireRefused(t *testing.T, db *gorm.DB, sql string) (aborted error) {
	t.Helper()
	for _, args := range [][]any{nil, {"x"}} {
		for name, err := range map[string]error{"exec": db.Exec(sql, args...).Error, "query": query(db, sql, args...)} {
			require.Error(t, err, "%s: %q", name, sql)
			if errors.Is(err, tenants.ErrStatement) {
				continue
			}
			code := codeOf(t, sql, err)
			require.True(t, code == syntax || aborted != nil && code == "25P02", "%s: %q: %v", name, sql, err)
			aborted = err
		}
	}
	return aborted
}

func query(db *gorm.DB, sql string, args ...any) error {
	rows, err := db.Raw(sql, args...).Rows()
	if err != nil {
		return err
	}
	for rows.Next() { // some are refused while they run
		continue
	}
	return errors.Join(rows.Err(), rows.Close())
}

// TestGORMHasNoOtherWayOut tries what else GORM offers inside a transaction.
func TestGORMHasNoOtherWayOut(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	for name, leave := range map[string]func(*gorm.DB) error{
		"its pool":       func(db *gorm.DB) error { _, err := db.DB(); return err },
		"a connection":   func(db *gorm.DB) error { return db.Connection(func(*gorm.DB) error { return nil }) },
		"a transaction":  func(db *gorm.DB) error { return db.Transaction(func(*gorm.DB) error { return nil }) },
		"begin":          func(db *gorm.DB) error { return db.Begin().Error },
		"the migrator":   func(db *gorm.DB) error { return db.Migrator().DropTable("users") },
		"auto migration": func(db *gorm.DB) error { return db.Table("x").AutoMigrate(&struct{ ID int }{}) },
		"the base":       func(db *gorm.DB) error { _, err := db.ConnPool.ExecContext(t.Context(), "select 1"); return err },
		"a table's name": func(db *gorm.DB) error { var n int64; return db.Table("users; set role none; --").Count(&n).Error },
		"an order clause": func(db *gorm.DB) error {
			var n []string
			return db.Table("users").Order("1; set role none").Pluck("email", &n).Error
		},
	} {
		err := e.Scope().Transact(t.Context(), func(tx *tenants.Tx) error { return leave(tx.DB) })
		require.Error(t, err, name)
	}
}

// TestAPipelineRunsNoOtherStatementsEither: it is the workers' way, and no way around the scope.
func TestAPipelineRunsNoOtherStatementsEither(t *testing.T) {
	t.Parallel()
	attacker, other := newEstate(t), newEstate(t)
	for _, command := range commands(other.Tenant.Tenant) {
		err := attacker.Scope().Pipeline(t.Context(), tenants.Statement{SQL: command})
		require.ErrorIs(t, err, tenants.ErrStatement, command)
	}
	err := attacker.Scope().Pipeline(t.Context(), tenants.Statement{SQL: "select 1; set role none"})
	require.Equal(t, syntax, codeOf(t, "pipeline", err))
	require.NoError(t, attacker.Scope().Pipeline(t.Context(), tenants.Statement{SQL: "select 1"}))
}

// TestSetRoleAsAStatementIsStoppedByTheScopeAlone keeps the documents honest: this is the one thing that
// PostgreSQL cannot refuse, so no input may reach the place of a statement.
func TestSetRoleAsAStatementIsStoppedByTheScopeAlone(t *testing.T) {
	t.Parallel()
	attacker, other := newEstate(t), newEstate(t)
	require.Empty(t, asRole(t, attacker.Tenant.Tenant, "set local role "+other.Tenant.Tenant.RoleName), "it checks the session's user")
	require.Equal(t, denied, asRole(t, attacker.Tenant.Tenant, "set session authorization "+other.Tenant.Tenant.RoleName))
	require.Equal(t, denied, asRole(t, attacker.Tenant.Tenant, "set local role tenantry_owner"))
	require.Equal(t, denied, asRole(t, attacker.Tenant.Tenant, "set local role "+superuserName(t)))
}

func superuserName(t *testing.T) (name string) {
	t.Helper()
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), "select current_user::text").Scan(&name))
	return name
}
