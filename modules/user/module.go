package user

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
)

// Module is the user module's table of contents.
func Module(module.Env) module.Module {
	service := NewService()
	return module.Module{
		Name:       "user",
		Routes:     func(api huma.API) { routes(api, service) },
		Onboard:    onboard,
		CheckActor: checkActor,
	}
}

// onboard makes the tenant's first admin. It finds the one that an interrupted onboarding left.
func onboard(_ context.Context, tx *tenants.Tx, onboarding *tenants.Onboarding) error {
	tenant := onboarding.Tenant
	owner, err := findByEmail(tx, tenant.OwnerEmail)
	if fault.KindOf(err) == fault.NotFound {
		name := tenant.OwnerName
		if name == "" {
			name = tenant.OwnerEmail
		}
		owner, err = create(tx, onboarding.Actor, Input{Email: tenant.OwnerEmail, Name: name, Role: Admin})
	}
	if err != nil {
		return err
	}
	onboarding.OwnerUserID = owner.ID
	return nil
}
