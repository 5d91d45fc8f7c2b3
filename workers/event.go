// Package workers is the pool that takes turns across tenants, so that every tenant's backlog gets
// published however noisy its neighbours are.
//
// The pool knows nothing of schemas or brokers: it reads and completes batches through a Source,
// publishes through a Publisher, and calls Handlers.
package workers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// Event is one committed fact of a tenant, as publishers and handlers see it.
type Event struct {
	// ID is the event's identity, a UUIDv7: message id at the broker and key of the inbox.
	ID string
	// Seq orders the events of a tenant; within an aggregate it ascends in commit order.
	Seq int64
	// Name is for example "User.created".
	Name string
	// TenantID and TenantSlug say whose it is.
	TenantID, TenantSlug string
	// AggregateType, AggregateID and AggregateVersion say what changed, and to which version.
	AggregateType, AggregateID string
	// AggregateVersion is the lock version that the change made.
	AggregateVersion int64
	// ActorID is who changed it.
	ActorID string
	// RequestID is the request that changed it, empty when it was none.
	RequestID string
	// TraceParent is that request's W3C trace context, empty when there was none.
	TraceParent string
	// Data is a JSON object: what happened.
	Data json.RawMessage
	// CreatedAt is when it was recorded.
	CreatedAt time.Time
}

// Handler reacts to events out of band. It is stateless and safe for concurrent use. Exactly one of
// Transactional and External is set.
type Handler struct {
	// Name identifies the handler in the inbox and the deliveries of every tenant; never change it.
	Name string
	// Events are the names of the events that it reacts to; "*" stands for all.
	Events []string
	// Transactional gets the tenant's transaction; it is applied once, together with its inbox row, and
	// does no network I/O.
	Transactional func(ctx context.Context, tx *tenants.Tx, event Event) error
	// External calls out without a transaction, at least once; the event's id is its idempotency key.
	External func(ctx context.Context, event Event) error
	// Destination is what an external handler calls, for example another service. Handlers of one
	// destination share a breaker: when one of them answers with an Outage, all of them get nothing until
	// a single call went through. Default: the handler's own name.
	Destination string
	// Retry says when a failed delivery is tried again, and how often. Fields that are not set are the
	// pool's.
	Retry RetryPolicy
	// Timeout bounds one call. Default 10 s.
	Timeout time.Duration
	// MaxConcurrent bounds the calls at one time in one process, so that one dead service cannot hold
	// the slots of every tenant. Default: half of the pool's slots, at least 1.
	MaxConcurrent int
	// ContinueAfterDead lets later events of an aggregate pass one that is dead. By default they wait.
	ContinueAfterDead bool
}
