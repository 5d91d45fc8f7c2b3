package outbox_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/workers"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, build)) }

// build is the outbox with handlers that do what each test tells them to.
func build(env module.Env) (module.Set, error) {
	return outbox.Join(env, module.Module{Name: "tickets", Handlers: []workers.Handler{
		{Name: "strict", Events: ticketEvents(), External: desk.external("strict")},
		{Name: "lenient", Events: ticketEvents(), External: desk.external("lenient"), ContinueAfterDead: true},
		{Name: "ledger", Events: ticketEvents(), Transactional: desk.transactional("ledger")},
		{Name: "parcels", Events: []string{"Parcel.sent"}, Destination: "carrier", External: desk.external("parcels")},
	}}), nil
}

func ticketEvents() []string { return []string{"Ticket.opened", "Ticket.changed"} }
