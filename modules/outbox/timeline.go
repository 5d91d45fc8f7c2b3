package outbox

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// Timeline is where the time of one event went: why it is late, or was.
type Timeline struct {
	// EventID and EventName say which event.
	EventID, EventName string
	// AggregateType, AggregateID and AggregateVersion say what it is about.
	AggregateType, AggregateID string
	AggregateVersion           int64
	// Status is its publishing state.
	Status Status
	// Pruned means that it was published and its times are gone.
	Pruned bool
	// CreatedAt is when it was committed.
	CreatedAt time.Time
	// DiscoveredAt is when a worker knew that the tenant had work, QueuedAt when the tenant began to wait
	// for the turn that took the event, TurnAt when that turn began, AttemptedAt when the event was handed
	// over, and PublishedAt when everybody had taken it. Each is nil where it is not known, or not yet.
	DiscoveredAt, QueuedAt, TurnAt, AttemptedAt, PublishedAt *time.Time
	// Ahead is how many unpublished events of the tenant come before it; at most manyAhead are counted.
	Ahead int
	// Deliveries are what some handler has still to take.
	Deliveries []OpenDelivery `gorm:"-"`
	// Failures are the attempts that failed, oldest first.
	Failures []FailedAttempt `gorm:"-"`
	// Publishing is who publishes for the tenant.
	Publishing Publishing `gorm:"-"`

	// Seq is the event's place in the tenant's order.
	Seq int64
}

// OpenDelivery is a handler that has not taken the event yet.
type OpenDelivery struct {
	// Handler is its name; "broker" for the broker.
	Handler string
	// Status is retrying, waiting or failed.
	Status Status
	// Attempts is how often it was tried.
	Attempts int
	// NextAttemptAt is when it is tried again, if it is retrying.
	NextAttemptAt time.Time
	// LastError is why the last attempt failed.
	LastError string
	// BehindEventID is the event of the same aggregate that it waits for, and BehindStatus what that one's
	// delivery to the handler is; empty unless it is waiting.
	BehindEventID string
	BehindStatus  Status
}

// FailedAttempt is one attempt that a handler failed.
type FailedAttempt struct {
	// Handler is its name; "broker" for the broker.
	Handler string
	// Attempt counts them, from 1.
	Attempt int
	// StartedAt is when it began, and TookMs how many milliseconds it took.
	StartedAt time.Time
	TookMs    float64
	// Error is why it failed.
	Error string
}

// Publishing is what the cluster's ledger knows of a tenant.
type Publishing struct {
	// Paused means that an operator stopped it.
	Paused bool
	// Holder is the worker process that publishes for the tenant, empty when none does at the moment.
	Holder string
	// LastVisitedAt is when a worker looked last; nil before the first time.
	LastVisitedAt *time.Time
	// PausedHandlers are the handlers that an operator paused for all tenants.
	PausedHandlers []string
	// At is when this was asked.
	At time.Time
}

// Explain tells an operator where the time of a tenant's event went.
func (s *Service) Explain(ctx context.Context, actor tenants.Actor, slug, eventID string) (Timeline, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return Timeline{}, err
	}
	_, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return Timeline{}, err
	}
	return TimelineOf(ctx, scope, eventID)
}

// TimelineOf reads the timeline of an event in the scope that it is given, in one transaction. Who may
// ask is for the caller to check. An event that the tenant does not have is a NotFound.
func TimelineOf(ctx context.Context, scope *tenants.Scope, eventID string) (Timeline, error) {
	if !isUUID(eventID) {
		return Timeline{}, noSuchEvent()
	}
	var publishing Publishing
	var timeline Timeline
	err := scope.Guarded(publishingOf(scope, &publishing)).Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		timeline, err = readTimeline(tx, eventID)
		return err
	})
	timeline.Publishing = publishing
	return timeline, err
}

func noSuchEvent() error {
	return fault.New(fault.NotFound, "event_not_found", "There is no such event.")
}
