package tenants

import (
	"context"

	"gorm.io/gorm"
)

// NoTenant stands in the records for what is about all tenants, for example a handler that is paused.
const NoTenant = "00000000-0000-0000-0000-000000000000"

// Record writes down in the control schema what an operator does to a tenant outside of the registry,
// for example to its outbox. It is called before the deed, which may be on another server and so in
// another commit: then nothing is done that is not recorded.
func (s *Service) Record(ctx context.Context, actor Actor, tenantID, name string, data any) error {
	if err := actor.Require(Operator); err != nil {
		return err
	}
	return s.registry.transact(ctx, func(db *gorm.DB) error {
		return s.registry.record(db, actor, tenantID, name, data)
	})
}
