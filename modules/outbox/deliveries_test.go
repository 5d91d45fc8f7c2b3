package outbox_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
)

func TestDeliveriesShowWhatIsOpenAndWhy(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := opened(t, tenant, "strict", 2)
	page, err := newService().Deliveries(t.Context(), apptest.Operator(), tenant.Slug, outbox.DeliveryFilter{Status: outbox.Failed})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	require.Len(t, page.Deliveries, 1)
	d := page.Deliveries[0]
	require.Equal(t, ids[0], d.EventID)
	require.Equal(t, "Ticket.opened", d.EventName)
	require.Equal(t, "Ticket", d.AggregateType)
	require.Equal(t, k.id, d.AggregateID)
	require.Equal(t, "strict", d.Handler)
	require.Equal(t, 1, d.Attempts)
	require.Equal(t, errNever.Error(), d.LastError)
	require.False(t, d.CreatedAt.IsZero())

	page, err = newService().Deliveries(t.Context(), apptest.Operator(), tenant.Slug, outbox.DeliveryFilter{Status: outbox.Waiting})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, 1)
	require.Equal(t, ids[1], page.Deliveries[0].EventID)
}

func TestDeliveriesGoFromPageToPage(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 5)
	_, more := opened(t, tenant, "ledger", 2)
	filter := outbox.DeliveryFilter{Limit: 2}
	var seen []string
	for {
		page, err := newService().Deliveries(t.Context(), apptest.Operator(), tenant.Slug, filter)
		require.NoError(t, err)
		for _, d := range page.Deliveries {
			seen = append(seen, d.EventID)
		}
		if filter.Cursor = page.Next; filter.Cursor == "" {
			break
		}
	}
	require.Equal(t, append(ids, more...), seen)
}

func TestDeliveriesRefuseWhatIsNoFilter(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for _, filter := range []outbox.DeliveryFilter{
		{Limit: -1}, {Limit: 201}, {Status: "published"}, {Handler: "\x00"}, {Cursor: "%"}, {Cursor: "e30"}, {Cursor: "bnVsbA"},
	} {
		_, err := newService().Deliveries(t.Context(), apptest.Operator(), tenant.Slug, filter)
		require.Equal(t, fault.Malformed, fault.KindOf(err), "%+v", filter)
	}
}

func TestSkipPromotesTheNextOfTheChain(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 3)
	skipped, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, ids[0], "strict")
	require.NoError(t, err)
	require.Equal(t, outbox.Published, skipped.EventStatus)
	awaitDelivered(t, tenant)
	require.Equal(t, ids[1:], desk.takenBy("strict", ids...))
	names, data := controlEvents(t, tenant)
	require.Equal(t, []string{"Outbox.skip_requested"}, names)
	require.JSONEq(t, `{"event_id":"`+ids[0]+`","handler":"strict"}`, data[0])
}

func TestSkipOfOneThatWaitsLeavesTheOthersWaiting(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 4)
	_, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, ids[1], "strict")
	require.NoError(t, err)
	require.Equal(t, map[string]string{ids[0]: outbox.Failed, ids[2]: outbox.Waiting, ids[3]: outbox.Waiting},
		statuses(t, tenant, "strict"))
	desk.refuse(nil, "strict", ids[0])
	_, err = newService().Replay(t.Context(), apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
	require.NoError(t, err)
	awaitDelivered(t, tenant)
	require.Equal(t, []string{ids[0], ids[2], ids[3]}, desk.takenBy("strict", ids...))
}

func TestSkipLeavesTheEventToItsOtherHandlers(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 1)
	desk.refuse(errNever, "strict", ids...)
	desk.refuse(errLater, "ledger", ids...)
	k.record(t, ids...)
	require.Eventually(t, func() bool { return statuses(t, tenant, "strict")[ids[0]] == outbox.Failed }, patience, interval)
	skipped, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, ids[0], "strict")
	require.NoError(t, err)
	require.Equal(t, outbox.Retrying, skipped.EventStatus)
	desk.refuse(nil, "ledger", ids...)
	awaitDelivered(t, tenant)
	require.Equal(t, ids, desk.takenBy("ledger", ids...))
}

func TestSkipRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	tenant, other := apptest.New(t), apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	_, theirs := opened(t, other, "strict", 1)
	for code, try := range map[string]func() error{
		"event_not_found": func() error {
			_, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, theirs[0], "strict")
			return err
		},
		"delivery_not_found": func() error {
			_, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, ids[0], "ledger")
			return err
		},
	} {
		err := try()
		require.Equal(t, fault.NotFound, fault.KindOf(err))
		require.Equal(t, code, fault.CodeOf(err))
	}
	_, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, "x", "")
	problem, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Len(t, problem.Fields, 2)
	require.Equal(t, outbox.Failed, statuses(t, other, "strict")[theirs[0]])
	names, _ := controlEvents(t, tenant)
	require.Empty(t, names)
	_, err = newService().Skip(t.Context(), apptest.Operator(), uuid.NewString(), ids[0], "strict")
	require.Equal(t, "tenant_not_found", fault.CodeOf(err))
}
