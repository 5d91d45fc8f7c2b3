package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// Service is the use cases of the audit. Every exported method checks the actor's role and is one
// transaction in the scope that it is given.
type Service struct{}

// NewService makes the service. It holds nothing: what it works on comes with each call.
func NewService() *Service { return &Service{} }

// Get reads one event. Admins and auditors may.
func (s *Service) Get(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string) (Event, error) {
	if err := actor.Require(tenants.Admin, tenants.Auditor); err != nil {
		return Event{}, err
	}
	if !isUUID(id) {
		return Event{}, notFound()
	}
	var found []Event
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		found, err = byID(id).events(tx)
		return err
	})
	if err != nil {
		return Event{}, err
	}
	if len(found) == 0 {
		return Event{}, notFound()
	}
	return found[0], nil
}

// Timeline tells where the time of one event went, and what it waits for. Admins and auditors may.
func (s *Service) Timeline(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string) (outbox.Timeline, error) {
	if err := actor.Require(tenants.Admin, tenants.Auditor); err != nil {
		return outbox.Timeline{}, err
	}
	return outbox.TimelineOf(ctx, scope, id)
}

// List reads a page of the events, newest first. Admins and auditors may.
func (s *Service) List(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, filter Filter) (Page, error) {
	if err := actor.Require(tenants.Admin, tenants.Auditor); err != nil {
		return Page{}, err
	}
	before, err := filter.check()
	if err != nil {
		return Page{}, err
	}
	var events []Event
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		events, err = list(tx, filter, before)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	return page(events, filter.Limit)
}

// list chooses where the reading begins: at the messages when their status is the most telling part
// of the filter, else at the events.
func list(tx *tenants.Tx, filter Filter, before position) ([]Event, error) {
	about := filter.Name + filter.AggregateType + filter.AggregateID + filter.ActorID
	switch {
	case filter.Status == "", filter.AggregateID != "", filter.Status == Published && about != "":
		return fromEvents(filter, before).events(tx)
	case filter.Status != Published:
		return fromMessages(filter, before).events(tx)
	default:
		return published(tx, filter, before)
	}
}

// published joins the messages that are kept with the events whose message is gone.
func published(tx *tenants.Tx, filter Filter, before position) ([]Event, error) {
	kept, err := fromMessages(filter, before).events(tx)
	if err != nil {
		return nil, err
	}
	var borders []time.Time
	border := pruningBorder()
	if err := tx.DB.Raw(border.sql, border.args...).Scan(&borders).Error; err != nil {
		return nil, fmt.Errorf("find the border of what was pruned: %w", err)
	}
	for _, border := range borders {
		before = earlier(before, startOf(border.Add(time.Microsecond)))
	}
	gone, err := pruned(filter, before).events(tx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(kept, gone)
	slices.SortFunc(all, func(a, b Event) int { return positionOf(b).compare(positionOf(a)) })
	return all, nil
}

func notFound() error {
	return fault.New(fault.NotFound, "event_not_found", "There is no such event.")
}
