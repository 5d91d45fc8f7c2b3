package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Source reads and completes the outbox of a cluster's tenants. It implements workers.Source.
type Source struct{ cluster *tenants.Cluster }

// NewSource makes the source of one cluster.
func NewSource(cluster *tenants.Cluster) *Source { return &Source{cluster: cluster} }

// leaseLost is the SQLSTATE that dispatch.assert_lease raises.
const leaseLost = "TN001"

// scope is a scope whose every transaction fails unless the lease is held.
func (s *Source) scope(lease workers.Lease) *tenants.Scope {
	return s.cluster.Scope(lease.Placement).Guarded(tenants.Statement{
		SQL:  "select dispatch.assert_lease($1, $2, $3)",
		Args: []any{lease.Placement.TenantID, lease.Holder, lease.Fence},
	})
}

// deliveriesLock is held by whoever changes deliveries, so that an operator's replay and a worker do
// not tear a chain apart.
func deliveriesLock(tenantID string) tenants.Statement {
	return tenants.Statement{SQL: "select pg_advisory_xact_lock($1)", Args: []any{lockKey(tenantID)}}
}

func lockKey(tenantID string) int64 {
	id := uuid.MustParse(tenantID)                                                  // a registry's id
	return int64(binary.BigEndian.Uint64(id[8:]) ^ binary.BigEndian.Uint64(id[:8])) //nolint:gosec // any 64 bits do
}

func leaseFault(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == leaseLost {
		return workers.ErrLeaseLost
	}
	return err
}

// Apply runs a transactional handler in one transaction with its inbox row: what was applied before is
// not applied again.
func (s *Source) Apply(ctx context.Context, lease workers.Lease, handler workers.Handler, event workers.Event) error {
	err := s.scope(lease).Transact(ctx, func(tx *tenants.Tx) error {
		entry := tx.DB.Exec(`insert into inbox (event_id, handler, applied_at) values (?, ?, ?) on conflict do nothing`,
			event.ID, handler.Name, tx.Now)
		if entry.Error != nil {
			return fmt.Errorf("enter the inbox: %w", entry.Error)
		}
		if entry.RowsAffected == 0 {
			return nil
		}
		return handler.Transactional(ctx, tx, event)
	})
	return leaseFault(err)
}
