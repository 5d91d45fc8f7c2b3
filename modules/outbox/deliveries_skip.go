package outbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Skipped is a delivery that an operator gave up.
type Skipped struct {
	// EventID is the event that the handler will not get any more.
	EventID string `json:"event_id"`
	// Handler is the handler.
	Handler string `json:"handler"`
	// EventStatus is what the event's state is without this delivery.
	EventStatus Status `json:"-"`
}

func (k Skipped) check() error {
	var wrong mistakes
	wrong.note(!isUUID(k.EventID), "event_id", "must be the id of an event, a UUID in lower case")
	wrong.note(k.Handler == "" || !storable(k.Handler), "handler", "must be a handler's name, or broker")
	return fault.InvalidFields(wrong)
}

// Skip gives a delivery up: the handler never gets the event, and the next that waits behind it has its
// turn. It is for an event that a handler can never take.
func (s *Service) Skip(
	ctx context.Context, actor tenants.Actor, slug, eventID, handler string,
) (Skipped, error) {
	skipped := Skipped{EventID: eventID, Handler: handler}
	if err := actor.Require(tenants.Operator); err != nil {
		return Skipped{}, err
	}
	if err := skipped.check(); err != nil {
		return Skipped{}, err
	}
	tenant, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return Skipped{}, err
	}
	seqs, err := eventSeqs(ctx, scope, []string{eventID})
	if err != nil {
		return Skipped{}, err
	}
	if err := requireDelivery(ctx, scope, seqs[eventID], handler); err != nil {
		return Skipped{}, err
	}
	if err := s.tenants.Record(ctx, actor, tenant.ID, "Outbox.skip_requested", skipped); err != nil {
		return Skipped{}, err
	}
	skipped.EventStatus, err = skip(ctx, scope.Guarded(deliveriesLock(tenant.ID)), seqs[eventID], handler, s.passesDead(handler))
	return skipped, err
}

// requireDelivery looks before anything is recorded.
func requireDelivery(ctx context.Context, scope *tenants.Scope, seq int64, handler string) error {
	return scope.Transact(ctx, func(tx *tenants.Tx) error {
		_, err := deliveryVersion(tx, seq, handler)
		return err
	})
}

func deliveryVersion(tx *tenants.Tx, seq int64, handler string) (int64, error) {
	var versions []int64
	found := tx.DB.Raw("select lock_version from deliveries where seq = $1 and handler = $2", seq, handler).
		Scan(&versions)
	if found.Error != nil {
		return 0, fmt.Errorf("find a delivery: %w", found.Error)
	}
	if len(versions) == 0 {
		return 0, fault.New(fault.NotFound, "delivery_not_found", "The event has no open delivery to this handler.")
	}
	return versions[0], nil
}

// passesDead reports whether later events of an aggregate may pass one that is dead for the handler.
func (s *Service) passesDead(handler string) bool {
	return slices.ContainsFunc(s.handlers, func(h workers.Handler) bool { return h.Name == handler && h.ContinueAfterDead })
}

// skip ends the delivery as if it had succeeded, but for the attempt. Under the lock its version stays.
func skip(ctx context.Context, scope *tenants.Scope, seq int64, handler string, passDead bool) (Status, error) {
	var status Status
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		version, err := deliveryVersion(tx, seq, handler)
		if err != nil {
			return err
		}
		var ended int
		err = tx.DB.Raw(settle, []int64{seq}, []string{handler}, []int64{version}, tx.Now, 0, []bool{passDead}).Scan(&ended).Error
		if err != nil {
			return fmt.Errorf("skip a delivery: %w", err)
		}
		tx.Touch()
		return tx.DB.Raw("select status from outbox_messages where seq = $1", seq).Scan(&status).Error
	})
	return status, err
}
