package tenants

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// placeSQL tells the workers of a cluster about a tenant.
const placeSQL = `with placed as (
		insert into dispatch.tenants (tenant_id, slug, schema_name, role_name, weight) values ($1, $2, $3, $4, $5)
		on conflict (tenant_id) do update set slug = excluded.slug, weight = excluded.weight
		returning tenant_id)
	insert into dispatch.ledger (tenant_id) select tenant_id from placed on conflict (tenant_id) do nothing`

// place writes the tenant's row in its cluster's dispatch schema as the registry has it at this moment.
func (s *Service) place(ctx context.Context, tenantID string) error {
	return s.registry.transact(ctx, func(db *gorm.DB) error {
		tenant, err := find(db, tenantID, "for no key update of t")
		if err != nil {
			return err
		}
		return s.placeLocked(ctx, db, tenant)
	})
}

// placeLocked does so while the caller's transaction holds the tenant's row, so that the older of two
// changes cannot be written last. On the home cluster it is part of that transaction.
func (s *Service) placeLocked(ctx context.Context, db *gorm.DB, t Tenant) error {
	args := []any{t.ID, t.Slug, t.SchemaName, t.RoleName, t.Weight}
	if t.Cluster == HomeCluster {
		if _, err := db.Statement.ConnPool.ExecContext(ctx, placeSQL, args...); err != nil {
			return fmt.Errorf("place a tenant: %w", err)
		}
		return nil
	}
	cluster, err := s.clusters.Get(t.Cluster)
	if err != nil {
		return err
	}
	if _, err := cluster.pool.Exec(ctx, placeSQL, args...); err != nil {
		return databaseFault(fmt.Errorf("place a tenant on cluster %s: %w", t.Cluster, err))
	}
	return nil
}

// exclusiveScope is a scope whose transaction excludes others of its kind: it locks the tenant's row in
// the workers' table before it enters the tenant's schema. Workers read that row without locking it.
func (c *Cluster) exclusiveScope(p Placement) *Scope {
	return c.Scope(p).Guarded(Statement{
		SQL: "select from dispatch.tenants where tenant_id = $1 for update", Args: []any{p.TenantID},
	})
}
