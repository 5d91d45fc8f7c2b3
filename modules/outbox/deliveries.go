package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

// Waiting means that a delivery stands behind an earlier one of its aggregate and handler. It is a
// status of deliveries only: their messages are retrying.
const Waiting Status = "waiting"

// DeliveryFilter says which deliveries of a tenant, and which page of them.
type DeliveryFilter struct {
	// Status is retrying, waiting or failed; empty for any.
	Status Status
	// Handler is whose deliveries; "broker" for what the broker refused, empty for all.
	Handler string
	// Limit is how many at most: 1 to 200. Default 50.
	Limit int
	// Cursor is where the page begins: the end of the one before, empty for the first.
	Cursor string
}

// Delivery is an event that one handler did not take the first time.
type Delivery struct {
	// Seq is the event's place in the tenant's order.
	Seq int64
	// EventID and EventName say which event.
	EventID, EventName string
	// AggregateType and AggregateID say what it is about.
	AggregateType, AggregateID string
	// Handler is who did not take it: a handler's name, or "broker".
	Handler string
	// Status is retrying, waiting or failed.
	Status Status
	// Attempts is how often it was tried.
	Attempts int
	// NextAttemptAt is when it is tried again, if it is retrying.
	NextAttemptAt time.Time
	// LastError is why the last attempt failed.
	LastError string
	// CreatedAt is when it failed, or had to wait, for the first time.
	CreatedAt time.Time
}

// DeliveryPage is a page of deliveries.
type DeliveryPage struct {
	// Deliveries are in the order of their events.
	Deliveries []Delivery
	// Next is the cursor of the next page, empty at the end.
	Next string
}

// readPage looks the events up by key, for the page alone.
var readPage = //nolint:gochecknoglobals // a constant, put together
`
	select d.seq, d.event_id::text, e.name as event_name, d.aggregate_type, d.aggregate_id::text, d.handler, d.status,
	       d.attempts, d.next_attempt_at, d.last_error, d.created_at
	from (select seq, event_id, aggregate_type, aggregate_id, handler, status, attempts, next_attempt_at,
	             last_error, created_at
	      from deliveries
	      where (seq, handler) > ($1::bigint, $2::text)
	        and ($3::text = '' or status = $3) and ($4::text = '' or handler = $4)
	      order by seq, handler limit $5) d
	cross join lateral (` + eventByKey + `d.seq limit 1) e
	order by d.seq, d.handler`

// Deliveries lists what did not succeed the first time, oldest event first.
func (s *Service) Deliveries(
	ctx context.Context, actor tenants.Actor, slug string, filter DeliveryFilter,
) (DeliveryPage, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return DeliveryPage{}, err
	}
	after, err := filter.check()
	if err != nil {
		return DeliveryPage{}, err
	}
	_, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return DeliveryPage{}, err
	}
	var page DeliveryPage
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		page.Deliveries = nil
		found := tx.DB.Raw(readPage, after.Seq, after.Handler, filter.Status, filter.Handler, filter.Limit+1).
			Scan(&page.Deliveries)
		if found.Error != nil {
			return fmt.Errorf("list deliveries: %w", found.Error)
		}
		return nil
	})
	if err != nil {
		return DeliveryPage{}, err
	}
	page.Deliveries, page.Next, err = rest.Cut(page.Deliveries, filter.Limit, positionOf)
	return page, err
}

// check completes the filter and reads its cursor.
func (f *DeliveryFilter) check() (deliveryPosition, error) {
	wrong := mistakes(rest.CheckLimit(&f.Limit))
	wrong.note(!f.knownStatus(), "status", "must be retrying, waiting or failed")
	wrong.note(!storable(f.Handler), "handler", "must be UTF-8 text without NUL")
	if err := rest.BadParameters(wrong); err != nil || f.Cursor == "" {
		return deliveryPosition{}, err
	}
	return rest.DecodeCursor(f.Cursor, deliveryPosition.genuine)
}

func (f *DeliveryFilter) knownStatus() bool {
	switch f.Status {
	case "", Retrying, Waiting, Failed:
		return true
	default:
		return false
	}
}
