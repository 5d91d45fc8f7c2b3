package tenants

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// transition is a change of a tenant's status.
type transition struct {
	to    Status
	from  []Status
	event string
	// impossible tells why it cannot be done from the present status.
	impossible string
}

// Suspend closes the tenant's doors; its events are still published. Again, it changes nothing.
func (s *Service) Suspend(ctx context.Context, actor Actor, slug string) (Tenant, error) {
	return s.transit(ctx, actor, slug, transition{
		to: Suspended, from: []Status{Active}, event: "Tenant.suspended",
		impossible: "Only an active tenant can be suspended.",
	})
}

// Resume opens the doors of a suspended tenant again.
func (s *Service) Resume(ctx context.Context, actor Actor, slug string) (Tenant, error) {
	return s.transit(ctx, actor, slug, transition{
		to: Active, from: []Status{Suspended}, event: "Tenant.resumed",
		impossible: "Only a suspended tenant can be resumed.",
	})
}

// Offboard closes the tenant's doors for good. Its data stays until it is dropped.
func (s *Service) Offboard(ctx context.Context, actor Actor, slug string) (Tenant, error) {
	return s.transit(ctx, actor, slug, transition{
		to: Offboarding, from: []Status{Provisioning, Active, Suspended}, event: "Tenant.offboarding",
		impossible: "The tenant cannot be offboarded.",
	})
}

func (s *Service) transit(ctx context.Context, actor Actor, slug string, t transition) (Tenant, error) {
	if err := actor.Require(Operator); err != nil {
		return Tenant{}, err
	}
	var tenant Tenant
	err := s.registry.transact(ctx, func(db *gorm.DB) error {
		var err error
		tenant, err = find(db, slug, "for no key update of t")
		if err != nil || tenant.Status == t.to {
			return err
		}
		if !slices.Contains(t.from, tenant.Status) {
			return fault.New(fault.Conflict, "tenant_status", "%s It is %s.", t.impossible, tenant.Status)
		}
		from := tenant.Status
		if tenant, err = s.registry.update(db, tenant, changes{"status": t.to}); err != nil {
			return err
		}
		return s.registry.record(db, actor, tenant.ID, t.event, statusChanged(from, t.to))
	})
	if err != nil {
		return Tenant{}, err
	}
	return tenant, nil
}
