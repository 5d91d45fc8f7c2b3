// Package module is the contract that a module fulfils, so that it appears at every door and its
// events reach its handlers.
package module

import (
	"context"

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
	Handlers []workers.Handler
	// Onboard prepares a new tenant inside its transaction. All modules' hooks run in the one transaction,
	// which may run again after a crash, so each finds what it made before.
	Onboard tenants.OnboardHook
	// CheckActor refuses an actor whose token verifies but who may not come in any more. Its answer is
	// remembered for less than a second.
	CheckActor func(ctx context.Context, tx *tenants.Tx, actor tenants.Actor) error
}
