// Package module is the contract that a module fulfils, so that it appears at every door and its
// events reach its handlers.
package module

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Module is a bounded context as the app sees it. Every field but Name may be empty.
type Module struct {
	// Name is the module's folder.
	Name string
	// Routes registers the operations of the tenant API.
	Routes func(api huma.API)
	// AdminRoutes registers operations for operators.
	AdminRoutes func(api huma.API)
	// Handlers are the reactions to events, of this module or of others.
	Handlers []Handler
	// Onboard prepares a new tenant inside its transaction. All modules' hooks run in the one transaction,
	// which may run again after a crash, so each finds what it made before.
	Onboard tenants.OnboardHook
	// CheckActor refuses an actor whose token verifies but who may not come in any more: statements in the
	// tenant's schema whose Read answers with a fault. The answer is remembered for less than a second.
	CheckActor func(actor tenants.Actor) []tenants.Statement
}

// Set is all modules, joined for one process.
type Set struct {
	// Modules is the list, in the order of their routes and hooks.
	Modules []Module
	// Source reads and completes the outbox of a cluster's tenants.
	Source func(cluster *tenants.Cluster) workers.Source
	// Publisher is where all events go: the broker.
	Publisher workers.Publisher
}

// Build joins the modules over what a process has opened.
type Build func(env Env) (Set, error)

// Handlers returns the handlers of all modules.
func (s Set) Handlers() []Handler {
	var all []Handler
	for _, m := range s.Modules {
		all = append(all, m.Handlers...)
	}
	return all
}

// OnboardHooks returns the hooks of all modules, in order.
func (s Set) OnboardHooks() []tenants.OnboardHook {
	var all []tenants.OnboardHook
	for _, m := range s.Modules {
		if m.Onboard != nil {
			all = append(all, m.Onboard)
		}
	}
	return all
}

// CheckActor gathers what every module asks before it lets an actor in.
func (s Set) CheckActor(actor tenants.Actor) []tenants.Statement {
	var all []tenants.Statement
	for _, m := range s.Modules {
		if m.CheckActor != nil {
			all = append(all, m.CheckActor(actor)...)
		}
	}
	return all
}

// Handler and Event are what modules declare their reactions with.
type (
	// Handler reacts to events out of band.
	Handler = workers.Handler
	// Event is one committed fact of a tenant.
	Event = workers.Event
)
