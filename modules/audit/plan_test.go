package audit_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/audit"
	"github.com/tenantry/tenantry/tenants"
)

// loadSkewed writes 200,000 events, a second apart: values that are common and values that are rare,
// and values that are common but not recent, which is where planners go wrong. The oldest 60,000
// messages were pruned, but for what failed; the newest 40,000 events were not tried yet.
const loadSkewed = `
	insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
	select gen_random_uuid(),
	       case when n <= 5 then 'Rare.made' when n <= 150000 and n % 20 < 19 then 'User.created'
	            when n % 1000 = 999 then 'Invoice.sent' else 'User.updated' end,
	       case when n <= 5 then 'Rare' when n % 1000 = 999 then 'Invoice' else 'User' end,
	       case when n <= 5 then '00000000-0000-7000-8000-000000000002'::uuid
	            when n % 3 = 0 and n < 120000 then '00000000-0000-7000-8000-000000000001' else gen_random_uuid() end,
	       n, case when n <= 3 then 'rare' when n < 150000 then 'early' when n % 10 = 0 then 'u' || n % 1000 else 'robot' end,
	       '', jsonb_build_object('n', n), timestamptz '2026-01-01Z' + n * interval '1 second'
	from generate_series(1, 200000) n;
	insert into outbox_messages (seq, status, attempts, created_at, published_at)
	select seq, status, 1, created_at, case when status = 'published' then created_at + interval '1 second' end
	from (select e.seq, e.created_at, n, case when n > 160000 then 'unpublished' when n % 5000 = 0 then 'failed'
	                                          when n between 150000 and 150002 then 'retrying' else 'published' end as status
	      from events e, lateral (select (e.data ->> 'n')::integer as n) d where n is not null) m
	where n > 60000 or status = 'failed';`

// explained passes a transaction's queries on, and looks at the plan of each as the superuser: the scope
// itself runs no EXPLAIN.
type explained struct {
	pool

	t         *testing.T
	superuser *pgxpool.Pool
	schema    string
	scans     []scan
	blocks    int
}

type pool interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scan is one reading of a relation in a plan.
type scan struct {
	relation string
	rows     int
}

func (e *explained) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.explain(ctx, query, args)
	return e.pool.QueryContext(ctx, query, args...)
}

func (e *explained) explain(ctx context.Context, query string, args []any) {
	require.NoError(e.t, pgx.BeginFunc(ctx, e.superuser, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local search_path = "+pgx.Identifier{e.schema}.Sanitize()); err != nil {
			return err
		}
		var text []byte
		row := tx.QueryRow(ctx, "explain (analyze, buffers, format json) "+query, append([]any{pgx.QueryExecModeExec}, args...)...)
		if err := row.Scan(&text); err != nil {
			return err
		}
		var plans []struct{ Plan node }
		if err := json.Unmarshal(text, &plans); err != nil {
			return err
		}
		e.blocks += plans[0].Plan.Hit + plans[0].Plan.Read
		plans[0].Plan.walk(e)
		return nil
	}))
}

type node struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Loops    float64 `json:"Actual Loops"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Plans    []node
}

func (n node) walk(e *explained) {
	if n.Relation != "" {
		e.scans = append(e.scans, scan{n.Relation, int((n.Rows + n.Removed + n.Recheck) * n.Loops)})
	}
	for _, child := range n.Plans {
		child.walk(e)
	}
}

func newSkewed(t *testing.T) *apptest.Tenant {
	t.Helper()
	tenant := apptest.New(t)
	tenant.Settle(t)
	// No worker visits a tenant that is placed nowhere, so the messages stay as they are.
	_, err := apptest.Superuser(t).Exec(t.Context(), "delete from dispatch.tenants where tenant_id = $1", tenant.Tenant.ID)
	require.NoError(t, err)
	superuserExec(t, tenant, loadSkewed)
	return tenant
}

func superuserExec(t *testing.T, tenant *apptest.Tenant, statements string) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(t.Context(), apptest.Superuser(t), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "set local search_path = "+pgx.Identifier{tenant.Tenant.SchemaName}.Sanitize()+";"+statements)
		return err
	}))
}

func TestEachFilterReadsWhatItShows(t *testing.T) {
	t.Parallel()
	tenant := newSkewed(t)
	requireFewRows(t, tenant, 140_000) // a new table has no statistics yet
	superuserExec(t, tenant, "analyze events; analyze outbox_messages")
	requireFewRows(t, tenant, 190_000, 60_020, 20_000)
}

const limit = 50

func requireFewRows(t *testing.T, tenant *apptest.Tenant, pages ...int) {
	t.Helper()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	const common, rare = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
	for name, filter := range map[string]audit.Filter{
		"nothing":           {},
		"common name":       {Name: "User.created"},
		"other common name": {Name: "User.updated"},
		"uncommon name":     {Name: "Invoice.sent"},
		"rare name":         {Name: "Rare.made"},
		"unknown name":      {Name: "Nothing.happened"},
		"common type":       {AggregateType: "User"},
		"uncommon type":     {AggregateType: "Invoice"},
		"rare type":         {AggregateType: "Rare"},
		"common aggregate":  {AggregateID: common},
		"rare aggregate":    {AggregateID: rare},
		"type and id":       {AggregateID: common, AggregateType: "User"},
		"name and type":     {Name: "User.created", AggregateType: "User"},
		"common actor":      {ActorID: "early"},
		"recent actor":      {ActorID: "robot"},
		"uncommon actor":    {ActorID: "u170"},
		"rare actor":        {ActorID: "rare"},
		"unpublished":       {Status: audit.Unpublished},
		"retrying":          {Status: audit.Retrying},
		"failed":            {Status: audit.Failed},
		"published":         {Status: audit.Published},
		"from":              {From: at(199_990)},
		"to":                {To: at(50_000)},
		"from and to":       {From: at(100_000), To: at(100_100)},
		"name, from and to": {Name: "User.created", From: at(10_000), To: at(90_000)},
		"published and to":  {Status: audit.Published, To: at(60_010)},
		"pruned only":       {Status: audit.Published, To: at(30_000)},
		"unpublished to":    {Status: audit.Unpublished, To: at(180_000)},
	} {
		filter.Limit = limit
		requireFewRowsOn(t, tenant, name+", first page", filter)
		for _, deep := range pages {
			cursor, err := rest.EncodeCursor(audit.Position{Micros: at(deep).UnixMicro(), Seq: 1})
			require.NoError(t, err)
			filter.Cursor = cursor
			requireFewRowsOn(t, tenant, name+", deep page", filter)
		}
	}
}

// requireFewRowsOn reads a page and asserts what every scan of a table read for it.
func requireFewRowsOn(t *testing.T, tenant *apptest.Tenant, name string, filter audit.Filter) {
	t.Helper()
	const constant = 8 // the one event too many, and the failed ones that lie among the pruned
	e := &explained{t: t, superuser: apptest.Superuser(t), schema: tenant.Tenant.SchemaName}
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		e.pool = tx.DB.Statement.ConnPool
		tx.DB.Statement.ConnPool = e
		page, err := audit.Read(tx, filter)
		require.LessOrEqual(t, len(page.Events), limit)
		return err
	}))
	require.NotEmpty(t, e.scans, name)
	for _, s := range e.scans {
		require.LessOrEqual(t, s.rows, limit+constant, "%s reads %s", name, s.relation)
	}
	require.Less(t, e.blocks, 400, "%s touches pages that it does not show", name)
}
