package cli

import (
	"context"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// demoTenants are what a first look has to look at.
func demoTenants() []tenants.OnboardRequest {
	return []tenants.OnboardRequest{
		{Slug: "acme", Name: "Acme Inc.", OwnerEmail: "ada@acme.example", OwnerName: "Ada Admin"},
		{Slug: "globex", Name: "Globex Corporation", OwnerEmail: "grace@globex.example", OwnerName: "Grace Admin"},
	}
}

// onboardDemo onboards the demo tenants the first time, and finishes one that was interrupted. What
// became of them since, under whatever name, is left as it is.
func onboardDemo(ctx context.Context, service *tenants.Service) ([]tenants.Tenant, error) {
	var all []tenants.Tenant
	for _, request := range demoTenants() {
		tenant, err := service.Get(ctx, operator(), request.Slug)
		missing := fault.KindOf(err) == fault.NotFound
		if missing || err == nil && tenant.Status == tenants.Provisioning {
			tenant, _, err = service.Onboard(ctx, operator(), request)
		}
		if err != nil {
			return nil, err
		}
		if tenant.Status == tenants.Active {
			all = append(all, tenant)
		}
	}
	return all, nil
}
