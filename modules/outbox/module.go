package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// ackWait bounds the wait for the broker's acknowledgements of one wave.
const ackWait = 5 * time.Second

// Join makes the set of a process: the given modules, and the outbox that carries their events.
func Join(env module.Env, modules ...module.Module) module.Set {
	set := module.Set{
		Modules: append(modules, Module(env, module.Set{Modules: modules}.Handlers())),
		Source:  func(cluster *tenants.Cluster) workers.Source { return NewSource(cluster) },
	}
	if env.NATS != nil {
		set.Publisher = NewJetStream(env.NATS, env.JetStream, ackWait, env.Duplicate)
	}
	return set
}

// Module is the outbox as the app sees it. The handlers are those of the other modules, for operators.
func Module(env module.Env, handlers []module.Handler) module.Module {
	return module.Module{
		Name:        "outbox",
		Onboard:     recordOnboarding,
		AdminRoutes: adminRoutes(NewService(env.Clusters, env.Tenants, handlers...)),
	}
}

// onboarded is the aggregate under whose name a tenant's first event is recorded. The tenant itself is
// a row of the registry, out of the reach of its own schema.
type onboarded struct{ aggregate.Root }

func (*onboarded) AggregateType() string { return "Tenant" }

// OnboardedData is what a Tenant.onboarded event says.
type OnboardedData struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// recordOnboarding records Tenant.onboarded in the tenant's own outbox, once.
func recordOnboarding(_ context.Context, tx *tenants.Tx, onboarding *tenants.Onboarding) error {
	tenant := onboarding.Tenant
	var before int64
	err := tx.DB.Table("events").Where("aggregate_type = 'Tenant' and aggregate_id = ?", tenant.ID).Count(&before).Error
	if err != nil {
		return fmt.Errorf("look for the tenant's first event: %w", err)
	}
	if before > 0 {
		return nil
	}
	first := &onboarded{Root: aggregate.Root{ID: tenant.ID, LockVersion: 1}}
	first.Record(aggregate.Event{Name: "Tenant.onboarded", Data: OnboardedData{Slug: tenant.Slug, Name: tenant.Name}})
	return record(tx, onboarding.Actor, first)
}
