// Package aggregate holds what every aggregate shares: an identity, a lock version, and the events
// that its verbs recorded and that are not saved yet.
package aggregate

// Root is embedded in every aggregate. Its columns are id and lock_version.
type Root struct {
	// ID is the aggregate's identity, a UUID in text form.
	ID string
	// LockVersion counts the saved changes; 0 means that it was never saved.
	LockVersion int64

	recorded []Event
}

// Event is a fact that a verb of an aggregate recorded.
type Event struct {
	// Name is the aggregate's type and what happened, for example "User.created".
	Name string
	// Data is what the event says, encodable as a JSON object.
	Data any
}

// Change is one field of an update event: what it was and what it became.
type Change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// Aggregate is anything that embeds a Root and names its type.
type Aggregate interface {
	// AggregateType is the first part of its events' names, for example "User".
	AggregateType() string
	// AggregateRoot gives access to the identity, the version and the recorded events.
	AggregateRoot() *Root
}

// AggregateRoot implements Aggregate for everything that embeds Root.
func (r *Root) AggregateRoot() *Root { return r }

// Record remembers an event until the aggregate is saved.
func (r *Root) Record(event Event) { r.recorded = append(r.recorded, event) }

// Recorded returns the events since the last save, in order.
func (r *Root) Recorded() []Event { return r.recorded }

// Forget drops the recorded events; saving calls it once they are written.
func (r *Root) Forget() { r.recorded = nil }
