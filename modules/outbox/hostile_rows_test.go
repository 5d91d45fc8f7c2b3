package outbox_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// farTimes are what PostgreSQL has beyond the times that a process can read.
var farTimes = []string{"-infinity", "infinity", "294276-12-31", "4713-01-01 BC"} //nolint:gochecknoglobals // a constant

// asTenant runs a statement as the tenant's own role, as an SQL injection into one of its requests would.
func asTenant(t *testing.T, tenant *apptest.Tenant, statement string, args ...any) error {
	t.Helper()
	return tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Exec(statement, args...).Error })
}

func TestATenantsRowsDoNotStopTheStatus(t *testing.T) {
	t.Parallel()
	bystander := apptest.New(t)
	for i, at := range farTimes {
		hostile := apptest.New(t)
		hostile.Settle(t)
		require.NoError(t, asTenant(t, hostile, "insert into outbox_messages (seq, created_at) values (?, ?)", -1-i, at))
		status := statusOf(t, hostile)
		require.EqualValues(t, 1, status.Unpublished, at)
		require.GreaterOrEqual(t, status.OldestUnpublishedAt.Year(), 1970, at)
		require.GreaterOrEqual(t, status.OldestAge.Seconds(), 0.0, at)
		require.Equal(t, bystander.Slug, statusOf(t, bystander).Slug, at)
		for _, sort := range []string{outbox.SortOldest, outbox.SortBacklog, outbox.SortVisited} {
			require.NotEmpty(t, ranks(t, sort), at)
		}
		require.NoError(t, asTenant(t, hostile, "delete from outbox_messages where seq < 0"))
	}
}

func TestATenantAddsNoAttemptThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	insert := func(startedAt string, took float64, message string) error {
		return asTenant(t, tenant, `insert into delivery_attempts (seq, handler, attempt, started_at, took_ms, error)
			values (-1, 'strict', 1, ?, ?, ?)`, startedAt, took, message)
	}
	refused := func(err error, what any) {
		t.Helper()
		var refusal *pgconn.PgError
		require.ErrorAs(t, err, &refusal, what)
		require.Equal(t, "23514", refusal.Code, what)
	}
	for _, at := range append(farTimes, "1999-12-31", "9999-12-31") {
		refused(insert(at, 1, ""), at)
	}
	for _, took := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		refused(insert("2026-01-02", took, ""), took)
	}
	refused(insert("2026-01-02", 1, strings.Repeat("é", 501)), "a long error")
	require.NoError(t, insert("2026-01-02", math.MaxFloat64, strings.Repeat("é", 500)))
}

func TestATimelineIsReadWhateverTheTimes(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	paused(t, tenant)
	client := apptest.OperatorClient(t)
	for _, at := range farTimes {
		execf(t, "update %[1]s.events set created_at = '%[2]s' where id = '%[3]s'", tenant.Tenant.SchemaName, at, ids[0])
		require.NoError(t, asTenant(t, tenant, fmt.Sprintf(`update outbox_messages set created_at = '%[1]s', published_at = '%[1]s',
			discovered_at = '%[1]s', queued_at = '%[1]s', turn_at = '%[1]s', attempted_at = '%[1]s'`, at)))
		require.NoError(t, asTenant(t, tenant, "update deliveries set next_attempt_at = ?", at))
		timeline := explain(t, tenant, ids[0])
		require.Nil(t, timeline.PublishedAt, at)
		require.Nil(t, timeline.AttemptedAt, at)
		require.Len(t, timeline.Deliveries, 1)
		require.GreaterOrEqual(t, timeline.CreatedAt.Year(), 1970, at)
		require.NotEmpty(t, timeline.Reason(), at)
		client.Get(t, "/admin/v1/tenants/"+tenant.Slug+"/events/"+ids[0]+"/timeline").Require(t, http.StatusOK)
		client.Get(t, "/admin/v1/tenants/"+tenant.Slug+"/deliveries/"+ids[0]+"/attempts").Require(t, http.StatusOK)
	}
	execf(t, "delete from %s.deliveries", tenant.Tenant.SchemaName)
}
