package outbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

var committed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) //nolint:gochecknoglobals // a constant

func after(seconds float64) *time.Time {
	at := committed.Add(time.Duration(seconds * float64(time.Second)))
	return &at
}

// took are the seconds of each step; -1 where they are not known.
func took(t outbox.Timeline) (all []float64) {
	for _, step := range t.Steps() {
		if step.Took == nil {
			all = append(all, -1)
			continue
		}
		all = append(all, step.Took.Seconds())
	}
	return all
}

func TestStepsDivideTheTimeOfAnEvent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeline outbox.Timeline
		want     []float64
	}{
		"one after the other": {
			outbox.Timeline{DiscoveredAt: after(1), QueuedAt: after(3), TurnAt: after(6), AttemptedAt: after(10), PublishedAt: after(15)},
			[]float64{0, 1, 3, 2 + 4, 0, 5},
		},
		"a tenant that was known and waited already": {
			outbox.Timeline{DiscoveredAt: after(-60), QueuedAt: after(-50), TurnAt: after(2), AttemptedAt: after(3), PublishedAt: after(4)},
			[]float64{0, 0, 2, 1, 0, 1},
		},
		"a turn that had begun": {
			outbox.Timeline{DiscoveredAt: after(-60), QueuedAt: after(-50), TurnAt: after(-1), AttemptedAt: after(3), PublishedAt: after(4)},
			[]float64{0, 0, 0, 3, 0, 1},
		},
		"clocks that differ": {
			outbox.Timeline{DiscoveredAt: after(1), QueuedAt: after(0.5), TurnAt: after(2), AttemptedAt: after(1.5), PublishedAt: after(1)},
			[]float64{0, 1, 1, 0, 0, 0},
		},
		"not tried yet":  {outbox.Timeline{}, []float64{0, -1, -1, -1, -1, -1}},
		"still retrying": {outbox.Timeline{DiscoveredAt: after(1), QueuedAt: after(1), TurnAt: after(1), AttemptedAt: after(2)}, []float64{0, 1, 0, 1, 0, -1}},
		"an old row":     {outbox.Timeline{PublishedAt: after(5)}, []float64{0, -1, -1, -1, -1, -1}},
	} {
		c.timeline.CreatedAt = committed
		require.Equal(t, c.want, took(c.timeline), name)
	}
}

func TestStepsTogetherAreTheWholeTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		at := func(name string) *time.Time { return after(float64(rapid.IntRange(-100, 100).Draw(r, name))) }
		timeline := outbox.Timeline{
			CreatedAt: committed, DiscoveredAt: at("discovered"), QueuedAt: at("queued"), TurnAt: at("turn"), AttemptedAt: at("attempted"),
			PublishedAt: after(200),
		}
		var sum time.Duration
		for _, step := range timeline.Steps() {
			require.GreaterOrEqual(r, *step.Took, time.Duration(0), step.Name)
			sum += *step.Took
		}
		require.Equal(r, *timeline.Total(), sum)
	})
}

func TestTheReasonIsOneSentence(t *testing.T) {
	t.Parallel()
	held := outbox.Publishing{Holder: "worker-7f3a", LastVisitedAt: after(0), At: *after(5)}
	retrying := outbox.OpenDelivery{Handler: "invoices", Status: outbox.Retrying, Attempts: 2, NextAttemptAt: *after(60)}
	waiting := outbox.OpenDelivery{Handler: "broker", Status: outbox.Waiting, BehindEventID: "E1", BehindStatus: outbox.Retrying}
	behindDead := outbox.OpenDelivery{Handler: "invoices", Status: outbox.Waiting, BehindEventID: "E1", BehindStatus: outbox.Failed}
	failed := outbox.OpenDelivery{Handler: "invoices", Status: outbox.Failed, Attempts: 12}
	for want, timeline := range map[string]outbox.Timeline{
		"It was published, and its times were pruned.": {Status: outbox.Published, Pruned: true},
		"It was published.":                            {Status: outbox.Published},
		"It was published 5s after its commit.":        {Status: outbox.Published, PublishedAt: after(5)},
		"It was published 5s after its commit, most of it waiting for the tenant's turn (3s).":                               {Status: outbox.Published, DiscoveredAt: after(0), QueuedAt: after(0), TurnAt: after(3), AttemptedAt: after(4), PublishedAt: after(5)},
		"It was published 5s after its commit, most of it until the broker and all handlers had taken it (4s).":              {Status: outbox.Published, DiscoveredAt: after(0), QueuedAt: after(0), TurnAt: after(1), AttemptedAt: after(1), PublishedAt: after(5)},
		"An operator has paused publishing for the tenant.":                                                                  {Status: outbox.Unpublished, Publishing: outbox.Publishing{Paused: true}},
		"No worker holds the tenant, and none has looked at it yet.":                                                         {Status: outbox.Unpublished},
		"No worker holds the tenant at the moment; one looked 5s ago.":                                                       {Status: outbox.Unpublished, Publishing: outbox.Publishing{LastVisitedAt: after(0), At: *after(5)}},
		"One earlier event of the tenant comes first.":                                                                       {Status: outbox.Unpublished, Ahead: 1, Publishing: held},
		"17 earlier events of the tenant come first.":                                                                        {Status: outbox.Unpublished, Ahead: 17, Publishing: held},
		"At least 10000 earlier events of the tenant come first.":                                                            {Status: outbox.Unpublished, Ahead: 10_000, Publishing: held},
		"It is the tenant's next, and waits for the tenant's turn or for the broker.":                                        {Status: outbox.Unpublished, Publishing: held},
		"It is tried again at 2026-01-02T03:05:05Z by the handler invoices, after 2 attempts.":                               {Status: outbox.Retrying, Deliveries: []outbox.OpenDelivery{failed, waiting, retrying}},
		"It waits behind event E1 of its aggregate for the broker.":                                                          {Status: outbox.Retrying, Deliveries: []outbox.OpenDelivery{failed, waiting}},
		"It waits behind event E1 of its aggregate, which failed at the handler invoices and has to be replayed or skipped.": {Status: outbox.Retrying, Deliveries: []outbox.OpenDelivery{behindDead}},
		"It failed at the handler invoices after 12 attempts: an operator has to replay or skip it.":                         {Status: outbox.Failed, Deliveries: []outbox.OpenDelivery{failed}},
		"An operator has paused the handler invoices.": {
			Status: outbox.Retrying, Deliveries: []outbox.OpenDelivery{retrying}, Publishing: outbox.Publishing{PausedHandlers: []string{"invoices"}},
		},
	} {
		timeline.CreatedAt = committed
		require.Equal(t, want, timeline.Reason())
	}
}

// explain asks as an operator.
func explain(t *testing.T, tenant *apptest.Tenant, eventID string) outbox.Timeline {
	t.Helper()
	timeline, err := newService().Explain(t.Context(), apptest.Operator(), tenant.Slug, eventID)
	require.NoError(t, err)
	return timeline
}

func TestExplainAnEventThatFailedAndTheOneBehindIt(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := opened(t, tenant, "strict", 2)
	execf(t, `insert into %[1]s.delivery_attempts (seq, handler, attempt, started_at, took_ms, error)
		select seq, 'strict', n, created_at + n * interval '1 second', 250, 'away' from %[1]s.events, generate_series(1, 2) n where id = '%[2]s'`,
		tenant.Tenant.SchemaName, ids[0])

	first := explain(t, tenant, ids[0])
	require.Equal(t, []string{"Ticket.opened", "Ticket", k.id, outbox.Failed}, []string{first.EventName, first.AggregateType, first.AggregateID, first.Status})
	require.Len(t, first.Deliveries, 1)
	require.Equal(t, errNever.Error(), first.Deliveries[0].LastError)
	require.GreaterOrEqual(t, len(first.Failures), 2)
	require.Contains(t, first.Reason(), "has to replay or skip it")

	second := explain(t, tenant, ids[1])
	require.Equal(t, ids[0], second.Deliveries[0].BehindEventID)
	require.Contains(t, second.Reason(), "waits behind event "+ids[0])

	result, value := succeed(t, "outbox", "explain", ids[0], "--tenant", tenant.Slug)
	require.Equal(t, "open: failed", result.Rows[len(result.Rows)-1][0])
	require.Equal(t, first.Reason(), result.Notes[0])
	require.Equal(t, first.Reason(), value["reason"])
	require.Len(t, value["steps"], 6)
	require.NotNil(t, value["worker"])
	for _, row := range result.Rows {
		require.Len(t, row, len(result.Columns))
	}
}

func TestExplainAnEventThatWaits(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	paused(t, tenant)
	k, ids := newTicket(tenant), newIDs(t, 3)
	k.record(t, ids...)
	last := explain(t, tenant, ids[2])
	require.Equal(t, outbox.Unpublished, last.Status)
	require.Equal(t, 2, last.Ahead)
	require.True(t, last.Publishing.Paused)
	require.Contains(t, last.Reason(), "paused")
	execf(t, "update dispatch.tenants set paused = false where tenant_id = '%s'", tenant.Tenant.ID)
	awaitDelivered(t, tenant)
	require.Contains(t, explain(t, tenant, ids[2]).Reason(), "It was published")
	require.NotNil(t, explain(t, tenant, ids[2]).Total())
}

func TestExplainAnEventWhoseTimesWerePruned(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 1)
	k.record(t, ids...)
	tenant.Settle(t)
	execf(t, "delete from %s.outbox_messages", tenant.Tenant.SchemaName)
	timeline := explain(t, tenant, ids[0])
	require.True(t, timeline.Pruned)
	require.Equal(t, outbox.Published, timeline.Status)
	require.Equal(t, []float64{0, -1, -1, -1, -1, -1}, took(timeline))
	require.Nil(t, timeline.Total())
}

func TestExplainConcernsOneTenantAndIsForOperators(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	_, ids := opened(t, other, "strict", 1)
	for _, id := range append(ids, "no id", "", "01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11") {
		_, err := newService().Explain(t.Context(), apptest.Operator(), tenant.Slug, id)
		require.Equal(t, fault.NotFound, fault.KindOf(err), id)
	}
	_, err := newService().Explain(t.Context(), other.Actor(tenants.Admin), other.Slug, ids[0])
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
	_, err = run(t, "outbox", "explain", ids[0])
	require.Equal(t, fault.Invalid, fault.KindOf(err), "the tenant is required")
	path := fmt.Sprintf("/admin/v1/tenants/%s/events/%s/timeline", other.Slug, ids[0])
	require.Contains(t, string(apptest.OperatorClient(t).Get(t, path).Require(t, http.StatusOK).Body), errNever.Error())
	other.Client(t, tenants.Admin).Get(t, path).Require(t, http.StatusForbidden)
}

// execf runs a statement as the superuser.
func execf(t *testing.T, format string, args ...any) {
	t.Helper()
	_, err := apptest.Superuser(t).Exec(t.Context(), fmt.Sprintf(format, args...))
	require.NoError(t, err)
}
