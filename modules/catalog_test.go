package modules_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
)

// relation is a table, view or sequence, as the catalog has it.
type relation struct {
	Schema, Name string
	// Kind is pg_class's relkind, S for a sequence.
	Kind string
	OID  uint32
	// Column is one that can be written.
	Column string
}

// String is its name, quoted and with its schema.
func (r relation) String() string { return pgx.Identifier{r.Schema, r.Name}.Sanitize() }

func (r relation) sequence() bool { return r.Kind == "S" }

// relations are all that rows can be read from in a schema. A new one is found by itself.
func relations(t *testing.T, schema string) []relation {
	t.Helper()
	rows, err := apptest.Superuser(t).Query(t.Context(), `
		select n.nspname as schema, c.relname as name, c.relkind::text as kind, c.oid,
			coalesce((select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
				and not a.attisdropped and a.attidentity = '' and a.attgenerated = '' order by a.attnum desc limit 1), '') as column
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and c.relkind not in ('i', 'I', 'c', 't') order by c.relname`, schema)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[relation])
	require.NoError(t, err)
	return found
}

// calls are a call of every function of a schema, with null for each argument.
func calls(t *testing.T, schema string) []string {
	t.Helper()
	return texts(t, `
		select format('%I.%I(%s)', n.nspname, p.proname, (
			select string_agg('null::' || format_type(type, null), ', ' order by place)
			from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)))
		from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname = $1 order by 1`, schema)
}

// texts are the rows of a query with one column, as the superuser sees them.
func texts(t *testing.T, query string, args ...any) []string {
	t.Helper()
	rows, err := apptest.Superuser(t).Query(t.Context(), query, args...)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}
