package tenants

import "context"

// Service is what operators do with tenants. Each verb checks the actor's role, and records what was
// done in the control schema, in the same commit.
type Service struct {
	clusters *Clusters
	registry *Registry
	hooks    func() []OnboardHook
	// afterStep is told of every step of an onboarding that is done; an error ends the onboarding there.
	// Tests stop it at each step, as a crash would.
	afterStep func(ctx context.Context, step string) error
}

// NewService makes the operator's service. The hooks are the modules' parts in onboarding; they are
// asked for at each one, because the modules are built after this.
func NewService(clusters *Clusters, hooks func() []OnboardHook) *Service {
	if hooks == nil {
		hooks = func() []OnboardHook { return nil }
	}
	afterStep := func(context.Context, string) error { return nil }
	return &Service{clusters: clusters, registry: clusters.registry, hooks: hooks, afterStep: afterStep}
}

// Registry is the registry that the service works on.
func (s *Service) Registry() *Registry { return s.registry }

// Get returns the tenant of a slug, also one that it had before, or of an id.
func (s *Service) Get(ctx context.Context, actor Actor, slugOrID string) (Tenant, error) {
	if err := actor.Require(Operator); err != nil {
		return Tenant{}, err
	}
	return s.registry.Find(ctx, slugOrID)
}

// ScopeOf is the way to a tenant's data, for operators' commands that act inside one tenant.
func (s *Service) ScopeOf(tenant Tenant) (*Scope, error) {
	cluster, err := s.clusters.Get(tenant.Cluster)
	if err != nil {
		return nil, err
	}
	return cluster.Scope(tenant.Placement()), nil
}
