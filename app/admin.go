package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

const tenantsPath = "/admin/v1/tenants"

type onboardInput struct {
	Body struct {
		Slug    string   `json:"slug" example:"acme" doc:"Its name in addresses, tokens and subjects: 3 to 40 characters of a-z, 0-9 and '-'. Never given to another tenant."`
		Name    string   `json:"name" example:"Acme Inc." doc:"For people."`
		Cluster string   `json:"cluster,omitempty" example:"main" doc:"Where it is placed; main when absent."`
		Owner   newOwner `json:"owner" doc:"Its first admin."`
	}
}

type newOwner struct {
	Email string `json:"email" example:"ada@example.com" doc:"The address."`
	Name  string `json:"name,omitempty" example:"Ada Lovelace" doc:"For people; made of the address when absent."`
}

type listTenantsInput struct {
	Status  string `query:"status" enum:"provisioning,active,suspended,offboarding" doc:"Only tenants of this status."`
	Cluster string `query:"cluster" doc:"Only tenants on this cluster."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor  string `query:"cursor" doc:"The next_cursor of the page before."`
}

type tenantInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
}

type changeTenantInput struct {
	Slug    string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	IfMatch string `header:"If-Match" example:"\"1\"" doc:"The ETag of the version that you saw."`
	Body    struct {
		Name   *string `json:"name,omitempty" example:"Acme Ltd." doc:"The new name."`
		Slug   *string `json:"slug,omitempty" example:"acme-ltd" doc:"The new slug; the old one keeps leading to the tenant."`
		Weight *int    `json:"weight,omitempty" example:"2" doc:"The share of the workers' time beside other tenants: 1 to 100."`
	}
}

type tenantOutput struct {
	Status   int
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     tenantBody
}

type listTenantsOutput struct {
	Body struct {
		Items      []tenantBody `json:"items" nullable:"false" doc:"The tenants, in the order of their slugs."`
		NextCursor *string      `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
	}
}

// routeTenants registers the operators' routes for tenants. They are thin: the rules are the service's.
func routeTenants(api huma.API, service *tenants.Service) {
	door := tenantDoor{service}
	one := tenantsPath + "/{slug}"
	huma.Register(api, adminOperation(http.MethodPost, tenantsPath, "onboard-tenant", "Onboard a tenant",
		http.StatusConflict), door.onboard)
	huma.Register(api, adminOperation(http.MethodGet, tenantsPath, "list-tenants", "List tenants"), door.list)
	huma.Register(api, adminOperation(http.MethodGet, one, "get-tenant", "Get a tenant", http.StatusNotFound), door.get)
	huma.Register(api, adminOperation(http.MethodPatch, one, "change-tenant", "Change a tenant",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired), door.change)
	huma.Register(api, transition(one+"/suspend", "suspend-tenant", "Close a tenant's doors"), door.call(service.Suspend))
	huma.Register(api, transition(one+"/resume", "resume-tenant", "Open a suspended tenant's doors"), door.call(service.Resume))
	huma.Register(api, transition(one+"/offboard", "offboard-tenant", "Close a tenant's doors for good"), door.call(service.Offboard))
}

func transition(path, id, summary string) huma.Operation {
	return adminOperation(http.MethodPost, path, id, summary, http.StatusNotFound, http.StatusConflict)
}

func adminOperation(method, path, id, summary string, errors ...int) huma.Operation {
	op := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"tenants"}, Errors: errors}
	if path == tenantsPath && method == http.MethodPost {
		op.DefaultStatus = http.StatusCreated
		op.Description = "The same body again finishes what was interrupted, and is answered with 200 and the same tenant."
		op.Responses = map[string]*huma.Response{"200": {Description: "It exists already, made of the same body."}}
	}
	return op
}

// tenantDoor turns requests into calls of the operators' service.
type tenantDoor struct{ service *tenants.Service }

func (d tenantDoor) onboard(ctx context.Context, in *onboardInput) (*tenantOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	tenant, created, err := d.service.Onboard(ctx, operator, tenants.OnboardRequest{
		Slug: in.Body.Slug, Name: in.Body.Name, Cluster: in.Body.Cluster,
		OwnerEmail: in.Body.Owner.Email, OwnerName: in.Body.Owner.Name,
	})
	if err != nil {
		return nil, err
	}
	out := showTenant(tenant)
	out.Location = tenantsPath + "/" + tenant.Slug
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (d tenantDoor) list(ctx context.Context, in *listTenantsInput) (*listTenantsOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	items, next, err := d.service.List(ctx, operator, tenants.ListFilter{
		Status: tenants.Status(in.Status), Cluster: in.Cluster, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &listTenantsOutput{}
	out.Body.NextCursor = rest.NextCursor(next)
	out.Body.Items = make([]tenantBody, 0, len(items))
	for _, tenant := range items {
		out.Body.Items = append(out.Body.Items, tenantBodyOf(tenant))
	}
	return out, nil
}

func (d tenantDoor) get(ctx context.Context, in *tenantInput) (*tenantOutput, error) {
	return d.call(d.service.Get)(ctx, in)
}

func (d tenantDoor) change(ctx context.Context, in *changeTenantInput) (*tenantOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := rest.ParseIfMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	version, err := seen.Required()
	if err != nil {
		return nil, err
	}
	changes := tenants.Changes{Name: in.Body.Name, Slug: in.Body.Slug, Weight: in.Body.Weight}
	tenant, err := d.service.Update(ctx, operator, strings.Clone(in.Slug), version, changes)
	if err != nil {
		return nil, err
	}
	return showTenant(tenant), nil
}

// tenantVerb is what an operator does to a tenant without further input.
type tenantVerb = func(ctx context.Context, operator tenants.Actor, slug string) (tenants.Tenant, error)

// call is a handler of a verb that needs the slug alone. The slug is a copy, because Fiber uses the
// memory of a request's path again for the next one.
func (tenantDoor) call(verb tenantVerb) func(context.Context, *tenantInput) (*tenantOutput, error) {
	return func(ctx context.Context, in *tenantInput) (*tenantOutput, error) {
		operator, err := tenants.OperatorFrom(ctx)
		if err != nil {
			return nil, err
		}
		tenant, err := verb(ctx, operator, strings.Clone(in.Slug))
		if err != nil {
			return nil, err
		}
		return showTenant(tenant), nil
	}
}
