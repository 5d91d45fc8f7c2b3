package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// effectsTable is where the transactional handler leaves its effects, one in each tenant's schema. It
// has no key: an effect that is applied twice is two rows.
const effectsTable = `create table if not exists %[1]s.chaos_effects (
	n         bigint generated always as identity,
	event_id  uuid   not null,
	tenant_id uuid   not null,
	name      text   not null,
	aggregate text   not null,
	version   bigint not null);
	grant insert on %[1]s.chaos_effects to %[2]s`

// failing is one in how many calls of the handlers that fails after its work was done: a transaction must
// take the effect back, and what comes later in the aggregate must wait.
const failing = 50

var errFailing = errors.New("chaos: this call fails, and the next may not")

// withHandlers is the program's modules and the handlers of the run.
func withHandlers(journal *journal) module.Build {
	return func(env module.Env) (module.Set, error) {
		before := env.Duplicate
		env.Duplicate = func() {
			before()
			_ = journal.note(entry{Dropped: true}) // it is counted only
		}
		set, err := modules.Build(env)
		set.Modules = append(set.Modules, module.Module{Name: "chaos", Handlers: []module.Handler{
			{Name: "chaos.effects", Events: []string{"*"}, Transactional: leaveEffect},
			{Name: "chaos.calls", Events: []string{"*"}, External: journal.call},
		}})
		return set, err
	}
}

func leaveEffect(_ context.Context, tx *tenants.Tx, event workers.Event) error {
	err := tx.DB.Exec(`insert into chaos_effects (event_id, tenant_id, name, aggregate, version) values (?, ?, ?, ?, ?)`,
		event.ID, event.TenantID, event.Name, aggregateOf(event), event.AggregateVersion).Error
	if err != nil {
		return fmt.Errorf("leave an effect: %w", err)
	}
	return sometimes()
}

// call notes that the external handler was called. The time is taken first: what comes later in the
// aggregate is called after this one has returned.
func (j *journal) call(_ context.Context, event workers.Event) error {
	err := j.note(entry{
		EventID: event.ID, Tenant: event.TenantID, Slug: event.TenantSlug, Name: event.Name,
		Aggregate: aggregateOf(event), Version: event.AggregateVersion, At: time.Now(),
	})
	if err != nil {
		return err
	}
	return sometimes()
}

func sometimes() error {
	if rand.IntN(failing) == 0 { //nolint:gosec // nobody has to guess it
		return errFailing
	}
	return nil
}

func aggregateOf(event workers.Event) string { return event.AggregateType + "/" + event.AggregateID }
