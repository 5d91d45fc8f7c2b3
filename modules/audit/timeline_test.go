package audit_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

const timelinePath = "/v1/events/01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11/timeline"

// timed gives the one event times: 1 s until the discovery, 2 s of the own backlog, 3 s for the turn, and
// 4 s at the broker and the handlers.
const timed = loadOne + `
	update outbox_messages set created_at = '2026-01-02 02:04:05Z', discovered_at = '2026-01-02 02:04:06Z',
		queued_at = '2026-01-02 02:04:07Z', turn_at = '2026-01-02 02:04:10Z', attempted_at = '2026-01-02 02:04:11Z',
		published_at = '2026-01-02 02:04:15Z' where seq = (select seq from events where actor_id = 'ada');
	update events set created_at = '2026-01-02 02:04:05Z' where actor_id = 'ada';
	insert into delivery_attempts (seq, handler, attempt, started_at, took_ms, error)
	select seq, 'invoices', 1, '2026-01-02 02:04:11Z', 1500, 'the secret address does not answer' from events where actor_id = 'ada';`

const timeline = `{"event_id":"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11","event_name":"Order.sent",` +
	`"aggregate":{"type":"Order","id":"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f22","version":7},"status":"published",` +
	`"reason":"It was published 10s after its commit, most of it until the broker and all handlers had taken it (4s).","total_seconds":10,` +
	`"steps":[{"step":"committed","at":"2026-01-02T02:04:05.000000Z","seconds":0},{"step":"discovered","at":"2026-01-02T02:04:06.000000Z","seconds":1},` +
	`{"step":"waited_for_turn","at":"2026-01-02T02:04:10.000000Z","seconds":3},{"step":"waited_behind_own_backlog","at":"2026-01-02T02:04:11.000000Z","seconds":2},` +
	`{"step":"attempted","at":"2026-01-02T02:04:11.000000Z","seconds":0},{"step":"acknowledged","at":"2026-01-02T02:04:15.000000Z","seconds":4}],` +
	`"deliveries":[],"failed_attempts":[{"handler":"invoices","attempt":1,"started_at":"2026-01-02T02:04:11.000000Z","seconds":1.5}]}`

func TestATimelineTellsWhereTheTimeWent(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	superuserExec(t, tenant, timed)
	for _, role := range []tenants.Role{tenants.Admin, tenants.Auditor} {
		got := tenant.Client(t, role).Get(t, timelinePath).Require(t, http.StatusOK)
		require.Equal(t, timeline+"\n", string(got.Body))
	}
}

func TestATimelineWithoutTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, reason, status string }{
		"an old row": {"", "It was published", "published"},
		"pruned":     {"delete from outbox_messages", "It was published, and its times were pruned.", "published"},
		"failed": {`update outbox_messages set status = 'failed', published_at = null;
			insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, attempts, next_attempt_at, last_error, created_at)
			select seq, id, 'invoices', aggregate_type, aggregate_id, 'failed', 12, now(), 'the secret address does not answer', now()
			from events where actor_id = 'ada'`, "It failed at the handler invoices after 12 attempts", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := apptest.New(t)
			tenant.Settle(t)
			superuserExec(t, tenant, loadOne+c.change)
			var got struct {
				Status, Reason string
				TotalSeconds   *float64 `json:"total_seconds"`
				Steps          []struct {
					Step    string
					At      *string
					Seconds *float64
				}
			}
			answer := tenant.Client(t, tenants.Auditor).Get(t, timelinePath).Require(t, http.StatusOK)
			answer.JSON(t, &got)
			require.Equal(t, c.status, got.Status)
			require.Contains(t, got.Reason, c.reason)
			require.Len(t, got.Steps, 6)
			require.NotNil(t, got.Steps[0].At)
			require.Nil(t, got.Steps[1].At)
			require.Nil(t, got.Steps[1].Seconds)
			require.Equal(t, name == "an old row", got.TotalSeconds != nil)
			require.NotContains(t, string(answer.Body), "secret", "a handler's error is for operators")
			require.NotContains(t, string(answer.Body), `"worker"`)
		})
	}
}

func TestATimelineIsForAdminsAndAuditorsOfTheTenant(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	superuserExec(t, tenant, timed)
	tenant.Client(t, tenants.Member).Get(t, timelinePath).Require(t, http.StatusForbidden)
	theirs := other.Client(t, tenants.Admin).Get(t, timelinePath, "X-Tenant", tenant.Slug).Require(t, http.StatusNotFound)
	require.Equal(t, "event_not_found", theirs.Code(t))
	other.Client(t, tenants.Admin).Get(t, timelinePath+"?tenant="+tenant.Slug).Require(t, http.StatusBadRequest)
	tenant.Client(t, tenants.Admin).Get(t, "/v1/events/1/timeline").Require(t, http.StatusNotFound)
}
