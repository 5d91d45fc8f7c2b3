package outbox

import (
	"context"

	"github.com/tenantry/tenantry/tenants"
)

// Pause stops the publishing of a tenant's events: they are still recorded, and wait. The worker notices
// with the next renewal of its leases, which is after a third of their time at the latest.
func (s *Service) Pause(ctx context.Context, actor tenants.Actor, slug string) (tenants.Tenant, error) {
	return s.setPaused(ctx, actor, slug, "Outbox.pause_requested", true)
}

// Resume lets the publishing go on where it was paused. A worker that holds the tenant's lease notices
// as with Pause; another one is told at once.
func (s *Service) Resume(ctx context.Context, actor tenants.Actor, slug string) (tenants.Tenant, error) {
	return s.setPaused(ctx, actor, slug, "Outbox.resume_requested", false)
}

// setPaused writes to the workers' table, as the application's login, and sends the hint that a commit
// sends.
func (s *Service) setPaused(
	ctx context.Context, actor tenants.Actor, slug, event string, paused bool,
) (tenants.Tenant, error) {
	tenant, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return tenants.Tenant{}, err
	}
	if err := s.tenants.Record(ctx, actor, tenant.ID, event, struct{}{}); err != nil {
		return tenants.Tenant{}, err
	}
	var placed int64
	scope = scope.Guarded(tenants.Statement{
		SQL:      "update dispatch.tenants set paused = $2 where tenant_id = $1",
		Args:     []any{tenant.ID, paused},
		Affected: func(rows int64) { placed = rows },
	})
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		if placed == 0 {
			return notOnboarded()
		}
		tx.Touch()
		return nil
	})
	return tenant, err
}
