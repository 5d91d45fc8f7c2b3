package outbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

const (
	patience = time.Minute
	interval = 5 * time.Millisecond
)

var (
	// errNever is what no further attempt can mend, so that a delivery is dead at once.
	errNever = fault.New(fault.Invalid, "never", "the handler never takes this")
	// errLater is what may pass.
	errLater = errors.New("the handler's service is away")
)

// desk is where the handlers of all tests ask what to do.
var desk = &reactions{ //nolint:gochecknoglobals // handlers are made before the tests
	refusals: map[reaction]error{}, decide: map[string]func(string, workers.Event) error{},
}

// reaction is one handler's with one event.
type reaction struct{ handler, eventID string }

type reactions struct {
	mu       sync.Mutex
	refusals map[reaction]error
	taken    []reaction
	decide   map[string]func(handler string, event workers.Event) error
}

func (r *reactions) external(handler string) func(context.Context, workers.Event) error {
	return func(_ context.Context, event workers.Event) error { return r.react(handler, event) }
}

func (r *reactions) transactional(handler string) func(context.Context, *tenants.Tx, workers.Event) error {
	return func(_ context.Context, _ *tenants.Tx, event workers.Event) error { return r.react(handler, event) }
}

func (r *reactions) react(handler string, event workers.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if decide := r.decide[event.TenantID]; decide != nil {
		if err := decide(handler, event); err != nil {
			return err
		}
	}
	if err := r.refusals[reaction{handler, event.ID}]; err != nil {
		return err
	}
	r.taken = append(r.taken, reaction{handler, event.ID})
	return nil
}

// refuse makes a handler refuse events from now on; nil makes it take them.
func (r *reactions) refuse(err error, handler string, eventIDs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range eventIDs {
		r.refusals[reaction{handler, id}] = err
	}
}

// takenBy lists which of the events a handler took, as often as it did and in that order.
func (r *reactions) takenBy(handler string, eventIDs ...string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[string]bool{}
	for _, id := range eventIDs {
		wanted[id] = true
	}
	var all []string
	for _, t := range r.taken {
		if t.handler == handler && wanted[t.eventID] {
			all = append(all, t.eventID)
		}
	}
	return all
}

// ticket is an aggregate that exists only in its events.
type ticket struct {
	tenant  *apptest.Tenant
	id      string
	version int
	event   string // the name of its events, where it is not a ticket's
}

func newTicket(tenant *apptest.Tenant) *ticket { return &ticket{tenant: tenant, id: uuid.NewString()} }

// newIDs are the ids of events that are to be recorded, so that handlers can be told before.
func newIDs(t *testing.T, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		ids[i] = id.String()
	}
	return ids
}

// record commits events of the ticket, as a service would.
func (k *ticket) record(tb testing.TB, ids ...string) {
	tb.Helper()
	require.NoError(tb, k.tenant.Scope().Transact(tb.Context(), func(tx *tenants.Tx) error {
		for _, id := range ids {
			name := "Ticket.changed"
			if k.version == 0 {
				name = "Ticket.opened"
			}
			if k.event != "" {
				name = k.event
			}
			k.version++
			if err := tx.DB.Exec(`with e as (
					insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
					values (?, ?, 'Ticket', ?, ?, 'tester', 'test', '{}', ?) returning seq, created_at)
				insert into outbox_messages (seq, created_at) select seq, created_at from e`,
				id, name, k.id, k.version, tx.Now).Error; err != nil {
				return err
			}
		}
		tx.Touch()
		return nil
	}))
}

// opened is a ticket whose events were recorded and which handler refuses, for ever, the first of.
func opened(t *testing.T, tenant *apptest.Tenant, handler string, events int) (k *ticket, ids []string) {
	t.Helper()
	k, ids = newTicket(tenant), newIDs(t, events)
	desk.refuse(errNever, handler, ids[0])
	k.record(t, ids...)
	tenant.Settle(t)
	return k, ids
}

func newService() *outbox.Service {
	set, err := build(module.Env{})
	if err != nil {
		panic(err)
	}
	return outbox.NewService(apptest.Clusters(), apptest.Tenants(), set.Handlers()...)
}

// statuses are those of the tenant's open deliveries to a handler, by event id.
func statuses(tb testing.TB, tenant *apptest.Tenant, handler string) map[string]string {
	tb.Helper()
	page, err := newService().Deliveries(context.Background(), apptest.Operator(), tenant.Slug,
		outbox.DeliveryFilter{Handler: handler, Limit: rest.MaxLimit})
	require.NoError(tb, err)
	found := map[string]string{}
	for _, d := range page.Deliveries {
		found[d.EventID] = d.Status
	}
	return found
}

// awaitDelivered waits until nothing of the tenant is open any more, and every event is published.
func awaitDelivered(t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	require.Eventually(t, func() bool {
		var open int64
		err := tenant.Scope().Transact(context.Background(), func(tx *tenants.Tx) error {
			return tx.DB.Raw(`select (select count(*) from deliveries)
				+ (select count(*) from outbox_messages where status <> 'published')`).Scan(&open).Error
		})
		return err == nil && open == 0
	}, patience, interval, "deliveries are left")
}

// messageStatus is the publishing state of an event.
func messageStatus(t *testing.T, tenant *apptest.Tenant, eventID string) string {
	t.Helper()
	var status string
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Raw("select m.status from outbox_messages m join events e using (seq) where e.id = ?", eventID).
			Scan(&status).Error
	}))
	return status
}

// controlEvents are the names and data of what was recorded about a tenant's outbox.
func controlEvents(t *testing.T, tenant *apptest.Tenant) (names, data []string) {
	t.Helper()
	rows, err := apptest.Superuser(t).Query(t.Context(), `select name, data::text from control.events
		where tenant_id = $1 and name like 'Outbox.%' and actor_id = $2 order by seq`, tenant.Tenant.ID, apptest.OperatorID)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, text string
		require.NoError(t, rows.Scan(&name, &text))
		names, data = append(names, name), append(data, text)
	}
	require.NoError(t, rows.Err())
	return names, data
}
