package audit_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// loadMixed writes 120 events, four in each microsecond. The oldest 50 messages were pruned but for what
// failed, and event 7 failed for so long that it was published after its neighbours were pruned.
const loadMixed = `
	insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
	select gen_random_uuid(), 'Mixed.made', 'Mixed', gen_random_uuid(), n, 'mixer', '', '{}',
	       timestamptz '2026-01-01Z' + n / 4 * interval '1 microsecond'
	from generate_series(1, 120) n;
	insert into outbox_messages (seq, status, attempts, created_at, published_at)
	select seq, status, 1, created_at,
	       case when n = 7 then created_at + interval '8 days' when status = 'published' then created_at + interval '1 second' end
	from (select seq, created_at, aggregate_version as n,
	             case when aggregate_version = 7 then 'published' when aggregate_version % 10 = 0 then 'failed'
	                  when aggregate_version > 100 then 'unpublished' when aggregate_version = 77 then 'retrying' else 'published' end as status
	      from events where actor_id = 'mixer') m
	where n > 50 or n = 7 or status = 'failed';`

func TestPagesHoldEveryEventOnce(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	_, err := apptest.Superuser(t).Exec(t.Context(), "delete from dispatch.tenants where tenant_id = $1", tenant.Tenant.ID)
	require.NoError(t, err)
	superuserExec(t, tenant, loadMixed)
	for query, condition := range map[string]string{
		"":                                 "true",
		"actor_id=mixer":                   "e.actor_id = 'mixer'",
		"status=published":                 "coalesce(m.status, 'published') = 'published'",
		"status=published&name=Mixed.made": "coalesce(m.status, 'published') = 'published' and e.name = 'Mixed.made'",
		"status=failed":                    "m.status = 'failed'",
		"status=failed&actor_id=mixer":     "m.status = 'failed' and e.actor_id = 'mixer'",
		"status=unpublished":               "m.status = 'unpublished'",
		"status=retrying":                  "m.status = 'retrying'",
		"to=2026-01-01T00:00:00.00001Z":    "e.created_at < '2026-01-01T00:00:00.00001Z'",
		"status=published&from=2026-01-01T00:00:00.000005Z&to=2026-01-01T00:00:00.00002Z": "coalesce(m.status, 'published') = 'published' and " +
			"e.created_at >= '2026-01-01T00:00:00.000005Z' and e.created_at < '2026-01-01T00:00:00.00002Z'",
	} {
		want := expected(t, tenant, condition)
		for _, limit := range []int{3, 7, 200} {
			require.Equal(t, want, walk(t, tenant, limit, query), "%s by %d", query, limit)
		}
	}
}

func expected(t *testing.T, tenant *apptest.Tenant, condition string) []string {
	t.Helper()
	schema := pgx.Identifier{tenant.Tenant.SchemaName}.Sanitize()
	rows, err := apptest.Superuser(t).Query(t.Context(), fmt.Sprintf(`select e.id::text from %[1]s.events e
		left join %[1]s.outbox_messages m on m.seq = e.seq where %[2]s order by e.created_at desc, e.seq desc`, schema, condition))
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return ids
}

// walk reads all pages of a list.
func walk(t *testing.T, tenant *apptest.Tenant, limit int, query string) []string {
	t.Helper()
	auditor, ids, cursor := tenant.Client(t, tenants.Auditor), []string{}, ""
	for {
		var page struct {
			Items      []struct{ ID string }
			NextCursor *string `json:"next_cursor"`
		}
		auditor.Get(t, "/v1/events?limit="+strconv.Itoa(limit)+"&cursor="+cursor+"&"+query).Require(t, http.StatusOK).JSON(t, &page)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.NextCursor == nil {
			return ids
		}
		require.Len(t, page.Items, limit)
		cursor = *page.NextCursor
	}
}
