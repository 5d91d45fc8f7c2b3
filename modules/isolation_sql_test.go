package modules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// denied is PostgreSQL's insufficient_privilege, syntax its syntax_error.
const (
	denied = "42501"
	syntax = "42601"
)

// inScope runs SQL in a tenant's scope, as an injection would, and returns PostgreSQL's refusal, empty
// when there was none.
func inScope(t *testing.T, scope *tenants.Scope, sql string, args ...any) string {
	t.Helper()
	err := scope.Transact(t.Context(), func(tx *tenants.Tx) error { return query(tx.DB, sql, args...) })
	return codeOf(t, sql, err)
}

// asRole runs a statement as what an attacker would be who could say anything but SET ROLE: the
// application's login, under the tenant's role. What it did is rolled back.
func asRole(t *testing.T, tenant tenants.Tenant, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), apptest.Settings().DatabaseURL)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // what was tried is over
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	enter := fmt.Sprintf("set local role %s; set local search_path = %s, pg_temp", tenant.RoleName, tenant.SchemaName)
	_, err = tx.Exec(t.Context(), enter)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), sql)
	return codeOf(t, sql, err)
}

func codeOf(t *testing.T, sql string, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "%s: %v", sql, err)
	return refusal.Code
}

// reading and writing are what a scope lets through, for each relation. {r} is its name, {id} its oid,
// {c} one of its columns.
func onEveryTable() []string {
	return []string{
		`select * from {r}`,
		`select count(*) from {r}`,
		`select (table {r} limit 1)::text`,
		`select 1 from {r} for update`,
		`select 1 where exists (select from {r})`,
		`with stolen as (select * from {r}) select * from stolen`,
		`select u.* from users u cross join lateral (select * from {r}) x`,
		`select ({r}.*)::text from {r}`,
		`insert into {r} default values`,
		`insert into {r} select * from {r}`,
		`update {r} set {c} = {c}`,
		`with changed as (update {r} set {c} = {c} returning 1) select * from changed`,
		`delete from {r}`,
		`delete from users using {r}`,
		`select query_to_xml('select * from {r}', true, true, '')`,
		`select query_to_xmlschema('select * from {r}', true, true, '')`,
		`select table_to_xml({id}::oid::regclass, true, true, '')`,
		`select table_to_xmlschema({id}::oid::regclass, true, true, '')`,
		`select table_to_xml_and_xmlschema('{r}', true, true, '')`,
		`select ts_stat('select to_tsvector(x::text) from {r} x')`,
		`select '{r}'::regclass`,
		`select pg_relation_size('{r}')`,
		`select currtid2('{r}', '(0,1)')`,
		`select '{r}'::regclass::oid, 1 from {r} x join users u on true`,
	}
}

func onEverySequence() []string {
	return []string{
		`select * from {r}`,
		`select nextval('{r}')`,
		`select nextval({id}::oid::regclass)`,
		`select currval('{r}')`,
		`select currval({id}::oid::regclass)`,
		`select setval('{r}', 1)`,
		`select setval({id}::oid::regclass, 1, false)`,
	}
}

// asStatements are refused by the scope already; PostgreSQL refuses them to the role too.
func asStatements() []string {
	return []string{
		`truncate {r}`,
		`lock table {r} in access share mode`,
		`copy {r} to stdout`,
		`alter table {r} add column x int`,
		`drop table {r}`,
		`create index on {r} ({c})`,
		`create table copied (like {r})`,
		`create trigger x before insert on {r} execute function x()`,
		`grant select on {r} to public`,
		`comment on table {r} is 'x'`,
		`explain analyze select * from {r}`,
		`declare c cursor for select * from {r}`,
		`prepare p as select * from {r}`,
	}
}

// onlyNewer are what a scope lets through and PostgreSQL 14 does not know.
func onlyNewer() []string {
	return []string{
		`merge into {r} using (select 1) s on true when matched then delete`,
		`merge into users using (select {c} from {r}) s on true when matched then delete`,
	}
}

func fill(sql string, r relation) string {
	return strings.NewReplacer("{r}", r.String(), "{id}", fmt.Sprint(r.OID), "{c}", r.Column).Replace(sql)
}

// TestNoSQLReachesAnotherTenantsRelations tries everything on everything that the catalog lists: another
// tenant's schema, the registry, and what the workers share.
func TestNoSQLReachesAnotherTenantsRelations(t *testing.T) {
	t.Parallel()
	attacker, victim := newEstate(t), newEstate(t)
	before := victim.snapshot(t)
	var newer bool
	scan(t, &newer, "select current_setting('server_version_num')::int >= 150000")
	for _, schema := range []string{victim.Tenant.Tenant.SchemaName, "control", "dispatch"} {
		found := relations(t, schema)
		require.NotEmpty(t, found)
		for _, r := range found {
			attempts := onEveryTable()
			switch {
			case r.sequence():
				attempts = onEverySequence()
			case newer:
				attempts = append(attempts, onlyNewer()...)
			}
			for _, sql := range attempts {
				require.Equal(t, denied, inScope(t, attacker.Scope(), fill(sql, r)), fill(sql, r))
			}
			for _, sql := range asStatements() {
				if !r.sequence() {
					require.Equal(t, denied, asRole(t, attacker.Tenant.Tenant, fill(sql, r)), fill(sql, r))
				}
			}
		}
	}
	require.Equal(t, before, victim.snapshot(t))
}

// TestNoSQLCallsWhatBelongsToOthers calls every function of every schema that is not the tenant's own
// or PostgreSQL's.
func TestNoSQLCallsWhatBelongsToOthers(t *testing.T) {
	t.Parallel()
	attacker := newEstate(t)
	var called int
	for _, schema := range texts(t, `select nspname from pg_namespace
		where nspname in ('control', 'dispatch', 'public') or nspname like 't\_%' and nspname <> $1`, attacker.Tenant.Tenant.SchemaName) {
		for _, call := range calls(t, schema) {
			require.Equal(t, denied, inScope(t, attacker.Scope(), "select "+call), call)
			called++
		}
	}
	require.Positive(t, called)
}

// TestWithoutAScopeNoTenantsRelationIsReached tries the same as the application's login itself, on which
// every query runs that forgot its scope.
func TestWithoutAScopeNoTenantsRelationIsReached(t *testing.T) {
	t.Parallel()
	victim := newEstate(t)
	for _, r := range relations(t, victim.Tenant.Tenant.SchemaName) {
		attempts := onEveryTable()
		if r.sequence() {
			attempts = onEverySequence()
		}
		for _, sql := range attempts {
			_, err := apptest.Clusters().Home().Pool().Exec(t.Context(), fill(sql, r))
			require.Contains(t, []string{denied, "42P01"}, codeOf(t, sql, err), fill(sql, r))
		}
		_, err := apptest.Clusters().Home().Pool().Exec(t.Context(), "select count(*) from "+pgx.Identifier{r.Name}.Sanitize())
		require.Equal(t, "42P01", codeOf(t, r.Name, err), "a name alone names nobody's table")
	}
}
