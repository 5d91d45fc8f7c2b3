package tenants

import "context"

// Onboarding is what the modules' hooks get to know of a new tenant, and what they tell about it.
type Onboarding struct {
	// Tenant is the registry's row, still provisioning.
	Tenant Tenant
	// Actor is the operator who asked for it.
	Actor Actor
	// OwnerUserID is set by the hook that makes the first admin.
	OwnerUserID string
}

// OnboardHook is a module's part in onboarding.
type OnboardHook func(ctx context.Context, tx *Tx, onboarding *Onboarding) error
