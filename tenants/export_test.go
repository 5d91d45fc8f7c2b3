package tenants

import (
	"context"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// StopAfter makes the service call stop after every step of an onboarding, as a crash would come.
func (s *Service) StopAfter(stop func(ctx context.Context, step string) error) { s.afterStep = stop }

// OnboardSteps are the steps of an onboarding.
func OnboardSteps() []string {
	return []string{stepRegistered, stepMigrated, stepPlaced, stepPrepared, stepActivated}
}

// SetClock gives the resolver another clock.
func (r *Resolver) SetClock(now func() time.Time) { r.clock = now }

// Poll asks once for what changed.
func (r *Resolver) Poll(ctx context.Context) error { return r.poll(ctx) }

// Known reports whether the resolver remembers a tenant.
func (r *Resolver) Known(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID.Contains(id)
}

// BeginPoll and EndPoll are the two halves of a poll that sees nothing.
func (r *Resolver) BeginPoll() { r.beginPoll() }

// EndPollAway ends a poll that could not reach the server.
func (r *Resolver) EndPollAway() { r.endPoll(r.clock(), r.snapshot, "", nil, io.ErrUnexpectedEOF) }

// EndPoll ends a poll that saw nothing.
func (r *Resolver) EndPoll() { r.endPoll(r.clock(), r.snapshot, r.snapshot, nil, nil) }

// PrepareIn tries to prepare a statement in a scope.
func PrepareIn(ctx context.Context, scope *Scope, query string) error {
	return scope.Transact(ctx, func(tx *Tx) error {
		statement, err := tx.DB.Statement.ConnPool.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { _ = statement.Close() }()
		return nil
	})
}

// RawIn runs SQL in a tenant's transaction as if the scope had no check of its own.
func RawIn(ctx context.Context, scope *Scope, query string) error {
	return scope.cluster.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		defer rollbackPipeline(ctx, conn.Conn())
		return runPipeline(ctx, conn.Conn(), append(scope.entry(), Statement{SQL: query}))
	})
}

// Unscoped runs SQL on a cluster's GORM outside any transaction.
func Unscoped(ctx context.Context, c *Cluster, query string) error {
	return c.gorm.WithContext(ctx).Exec(query).Error
}

// After decodes a cursor.
func After(cursor string) (string, error) { return (&ListFilter{Cursor: cursor}).check() }
