package workers

import (
	"context"
	"errors"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// BrokerName is the name under which an event that the broker refused is parked among the deliveries.
const BrokerName = "broker"

var (
	// ErrLeaseLost means that another holder has the tenant now; nothing was changed.
	ErrLeaseLost = errors.New("workers: the lease is not held any more")
	// ErrBehind means that an earlier event of the same aggregate was not acknowledged.
	ErrBehind = errors.New("workers: waits behind an earlier event of its aggregate")
)

// Lease is the right to publish for one tenant. Its fence grows with every change of the holder.
type Lease struct {
	// Placement is the tenant's schema and role.
	Placement tenants.Placement
	// Holder is the process that holds it.
	Holder string
	// Fence is checked by every write-back.
	Fence int64
}

// Message is an unpublished event.
type Message struct {
	Event

	// LockVersion is the message's version when it was read.
	LockVersion int64
	// Open are the handlers that have an earlier event of the aggregate to retry; Dead those whose
	// earlier event is dead. The event parks behind these.
	Open, Dead []string
}

// Delivery is an event that one handler did not take the first time.
type Delivery struct {
	Event

	// Handler is who did not take it.
	Handler string
	// LockVersion is the delivery's version when it was read.
	LockVersion int64
	// Attempts is how often it was tried.
	Attempts int
	// Age is how long ago it was parked.
	Age time.Duration
}

// Want says what to read of a tenant.
type Want struct {
	// Messages and Deliveries bound what is read; zero reads none.
	Messages, Deliveries int
	// SkipHandlers are those that get nothing at the moment, BrokerName among them when the broker is away:
	// what is due for them stays where it is.
	SkipHandlers []string
}

// Batch is what a tenant has to do.
type Batch struct {
	// Messages are in publishing order.
	Messages []Message
	// Deliveries are due, each the first open one of its aggregate and handler.
	Deliveries []Delivery
	// NoDeliveries means that the tenant had none at all when its messages were read.
	NoDeliveries bool
	// NextDue is when the next delivery is due that was not read; zero when there is none.
	NextDue time.Time
}

// Verdict is what became of one attempt that failed, or was not made.
type Verdict struct {
	// Handler is who did not take the event.
	Handler string
	// Dead means that it is not tried again by itself.
	Dead bool
	// Attempts is how often it was tried so far.
	Attempts int
	// NextAttemptAt is when it is tried again.
	NextAttemptAt time.Time
	// Error is for the operator.
	Error string
	// PassDead lets the event pass an earlier dead one of its aggregate.
	PassDead bool
	// StartedAt and Took are the attempt's. StartedAt is zero when none was made: then none is spent.
	StartedAt time.Time
	Took      time.Duration

	held bool // the tenant is woken when there is a reason to try, so it need not come back by itself
}

// Tried reports whether an attempt was made.
func (v *Verdict) Tried() bool { return !v.StartedAt.IsZero() }

// Outcome is the end of a message's first pass: published, unless some handlers did not take it.
type Outcome struct {
	// Seq and LockVersion name the message as it was read.
	Seq, LockVersion int64
	// Event is needed for what is parked.
	Event *Event
	// Parked are the handlers that did not take it.
	Parked []Verdict
	// Timing is where its time went until it was handed over; the same for all outcomes of a batch.
	Timing *Timing
}

// Timing tells, for a batch, where the time of its events went, in the clock of this process.
type Timing struct {
	// DiscoveredAt is when the process knew that the tenant had work, which may be before the event.
	DiscoveredAt time.Time
	// QueuedAt is when the tenant began to wait for the turn that took the batch.
	QueuedAt time.Time
	// TurnAt is when that turn began.
	TurnAt time.Time
	// AttemptedAt is when the batch was handed over to the broker and the handlers.
	AttemptedAt time.Time
}

// Retried is the end of a delivery's attempt.
type Retried struct {
	// Delivery is as it was read.
	Delivery Delivery
	// Failure is nil when it succeeded.
	Failure *Verdict
	// PassDead lets what waits behind it pass dead ones of its aggregate.
	PassDead bool
}

// Source is where a tenant's backlog is read and completed. All writing checks the lease in its own
// transaction and answers ErrLeaseLost when it is gone.
type Source interface {
	// Read returns what there is to do.
	Read(ctx context.Context, lease Lease, want Want) (Batch, error)
	// Complete writes what became of a batch. It returns how many of the messages and deliveries
	// somebody else had changed since they were read; these are left as they are.
	Complete(ctx context.Context, lease Lease, outcomes []Outcome, retried []Retried) (stale int, err error)
	// Apply runs a transactional handler once: in one transaction with its inbox row.
	Apply(ctx context.Context, lease Lease, handler Handler, event Event) error
}

// Publisher is where all events go.
type Publisher interface {
	// Publish sends events, at most one of an aggregate unacknowledged at a time and in the order given,
	// and returns an error for each: nil when acknowledged, ErrOutage when the broker is away, ErrBehind
	// behind an event that failed, else why the broker refused it.
	Publish(ctx context.Context, events []Event) []error
}

// Hints are the cheap news of which tenants have work. Losing one costs latency only.
type Hints interface {
	// Subscribe calls back with the tenants that have work, or whose lease became free, until stop.
	Subscribe(onHint func(Hint)) (stop func(), err error)
	// Announce tells the other workers of a cluster. It waits for nobody, but for a moment with the last hint.
	Announce(hint Hint)
}

// Hint names tenants that are worth a look.
type Hint struct {
	// TenantIDs are the tenants.
	TenantIDs []string
	// Free means that nobody holds their leases any more.
	Free bool
	// Last means that the process ends after this hint, which should have left it by then.
	Last bool
}
