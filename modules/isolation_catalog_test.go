package modules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// TestATenantsRoleHasRightsInItsOwnSchemaAlone asks the catalog for every right that a tenant's role has
// anywhere, its own or everybody's.
func TestATenantsRoleHasRightsInItsOwnSchemaAlone(t *testing.T) {
	t.Parallel()
	one := newEstate(t)
	role, schema := one.Tenant.Tenant.RoleName, one.Tenant.Tenant.SchemaName
	for question, query := range map[string]string{
		"schemas that it may use or add to": `select n.nspname from pg_namespace n
			where n.nspname not in ($2, 'pg_catalog', 'information_schema')
				and (has_schema_privilege($1, n.oid, 'USAGE') or has_schema_privilege($1, n.oid, 'CREATE'))`,
		"schemas that it may add to": `select n.nspname from pg_namespace n where has_schema_privilege($1, n.oid, 'CREATE') and $2 <> ''`,
		"tables of others": `select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname not in ($2, 'pg_catalog', 'information_schema') and c.relkind in ('r', 'p', 'v', 'm', 'f')
				and (has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
					or has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))`,
		"sequences": `select c.oid::regclass::text from pg_class c
			where case c.relkind when 'S' then has_sequence_privilege($1, c.oid, 'USAGE, SELECT, UPDATE') end and $2 <> ''`,
		"functions of others": `select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
			where n.nspname not in ($2, 'pg_catalog', 'information_schema') and n.nspname not like 't\_%'
				and has_function_privilege($1, p.oid, 'EXECUTE')`,
		"catalogs that it may write": `select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') and $2 <> ''
				and (has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') or has_any_column_privilege($1, c.oid, 'INSERT, UPDATE'))`,
		"what it owns": `select c.oid::regclass::text from pg_class c where pg_get_userbyid(c.relowner) = $1 and $2 <> ''
			union all select nspname from pg_namespace where pg_get_userbyid(nspowner) = $1
			union all select proname from pg_proc where pg_get_userbyid(proowner) = $1`,
		"roles that it has": `select m.roleid::regrole::text from pg_auth_members m where m.member = $1::regrole and $2 <> ''`,
		"powers": `select rolname from pg_roles where rolname = $1 and $2 <> ''
			and (rolcanlogin or rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`,
		"databases": `select datname from pg_database where has_database_privilege($1, oid, 'CREATE, TEMPORARY') and $2 <> ''`,
		"languages": `select lanname from pg_language where lanpltrusted and has_language_privilege($1, oid, 'USAGE') and $2 <> ''`,
		"servers":   `select srvname from pg_foreign_server where has_server_privilege($1, oid, 'USAGE') and $2 <> ''`,
	} {
		require.Empty(t, texts(t, query, role, schema), question)
	}
}

// TestATenantsRoleHasTheRightsItNeedsAndNoMore names them: whoever adds a table decides here.
func TestATenantsRoleHasTheRightsItNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	one := newEstate(t)
	const every = "SELECT INSERT UPDATE DELETE"
	want := map[string]string{
		"users": every, "outbox_messages": every, "deliveries": every,
		"events": "SELECT INSERT", "delivery_attempts": "SELECT INSERT", "inbox": "SELECT INSERT DELETE", "events_seq_seq": "", "schema_migrations": "",
	}
	got := map[string]string{}
	for _, r := range relations(t, one.Tenant.Tenant.SchemaName) {
		var rights string
		scan(t, &rights, `select coalesce(string_agg(p, ' ' order by place), '') from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE',
			'TRUNCATE', 'REFERENCES', 'TRIGGER']) with ordinality as w (p, place) where has_table_privilege($1, $2::oid, p)`,
			one.Tenant.Tenant.RoleName, r.OID)
		got[r.Name] = rights
	}
	require.Equal(t, want, got)
}

// TestTheDoctorFindsNothing: it asks about the same fences, on the server that these tests attack.
func TestTheDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	newEstate(t)
	for _, finding := range apptest.Tenants().Inspect(t.Context()) {
		if finding.Name != "migrations" && finding.Name != "missing roles" { // other tests' tenants come and go
			require.True(t, finding.OK, "%s: %s", finding.Name, finding.Detail)
		}
	}
}

// telling are the catalogs that show a tenant the schemas and roles of others: which there are, what
// tables they have and how large those are.
func telling() []string {
	return []string{
		"pg_class", "pg_namespace", "pg_roles", "pg_group", "pg_tables", "pg_indexes", "pg_sequences", "udt_privileges",
	}
}

// TestWhatTheCatalogTellsOfOthers reads every catalog of the server in a tenant's scope. PostgreSQL lets
// everybody see that others exist; docs/security.md says so. Their names say nothing, and there is
// nothing else.
func TestWhatTheCatalogTellsOfOthers(t *testing.T) {
	t.Parallel()
	attacker, other := newEstate(t), newEstate(t)
	schema := other.Tenant.Tenant.SchemaName
	require.Regexp(t, "^t_[a-z2-7]{26}$", schema, "made of the random id alone")
	var told []string
	marks := other.marks(t)
	for _, catalog := range append(relations(t, "pg_catalog"), relations(t, "information_schema")...) {
		text := readAll(t, attacker, catalog)
		if strings.Contains(text, schema) {
			told = append(told, catalog.Name)
		}
		for _, mark := range marks {
			require.False(t, mark != schema && strings.Contains(text, mark), "%s holds %s", catalog, mark)
		}
	}
	require.ElementsMatch(t, telling(), told)
}

// readAll reads a catalog in the attacker's scope, as one text that is empty where it may not.
func readAll(t *testing.T, attacker *estate, catalog relation) (text string) {
	t.Helper()
	err := attacker.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Raw("select coalesce(string_agg(v::text, chr(10)), '') from " + catalog.String() + " v").Scan(&text).Error
	})
	require.Contains(t, []string{"", denied}, codeOf(t, catalog.Name, err), catalog.Name)
	return text
}
