package apptest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

// Tenant is a fresh tenant of one test.
type Tenant struct {
	// Tenant is the registry's row.
	Tenant tenants.Tenant
	// Slug is its name in tokens and subjects.
	Slug string
	// OwnerID is the user id of its first admin; empty when no module made one.
	OwnerID string
}

// NewSlug is a slug that no other test has.
func NewSlug() string { return "t-" + uuid.NewString()[:8] + uuid.NewString()[:4] }

// New onboards a tenant on the home cluster.
func New(tb testing.TB) *Tenant {
	tb.Helper()
	slug := NewSlug()
	return Onboard(tb, tenants.OnboardRequest{
		Slug: slug, Name: "Tenant " + slug, OwnerEmail: "owner@" + slug + ".example", OwnerName: "Olga Owner",
	})
}

// Onboard onboards the tenant that a request describes.
func Onboard(tb testing.TB, request tenants.OnboardRequest) *Tenant {
	tb.Helper()
	tenant, _, err := Tenants().Onboard(tb.Context(), Operator(), request)
	require.NoError(tb, err)
	made := &Tenant{Tenant: tenant, Slug: tenant.Slug}
	if tenant.OwnerUserID != nil {
		made.OwnerID = *tenant.OwnerUserID
	}
	return made
}

// Scope is a new handle to the tenant's data; each is good for one transaction at a time.
func (n *Tenant) Scope() *tenants.Scope {
	scope, err := Tenants().ScopeOf(n.Tenant)
	if err != nil {
		panic(err) // the program knows the cluster on which it placed the tenant
	}
	return scope
}

// Actor is the tenant's first admin as a token with the given roles would make them.
func (n *Tenant) Actor(roles ...tenants.Role) tenants.Actor {
	return tenants.Actor{
		TenantID: n.Tenant.ID, UserID: n.subject(), Roles: roles, RequestID: "apptest-" + n.Slug,
	}
}

// Token is a token of the tenant's first admin with the given roles.
func (n *Tenant) Token(tb testing.TB, roles ...tenants.Role) string {
	tb.Helper()
	return Mint(tb, tenants.TokenRequest{Tenant: n.Slug, UserID: n.subject(), Roles: roles})
}

// Client calls the API with such a token.
func (n *Tenant) Client(tb testing.TB, roles ...tenants.Role) *Client {
	tb.Helper()
	return NewClient(n.Token(tb, roles...))
}

// subject is who the tokens speak for.
func (n *Tenant) subject() string {
	if n.OwnerID == "" {
		return "somebody"
	}
	return n.OwnerID
}
