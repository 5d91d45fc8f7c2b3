// Package audit answers who changed what, when, and whether it was published. It reads what the
// outbox wrote and changes nothing.
package audit

import (
	"encoding/json"
	"time"
)

// Status is the publishing state of an event.
type Status string

// The publishing states.
const (
	// Unpublished events were not tried yet.
	Unpublished Status = "unpublished"
	// Retrying events failed at some handler, which will be tried again.
	Retrying Status = "retrying"
	// Published events are done, at the broker and at every handler.
	Published Status = "published"
	// Failed events wait for an operator.
	Failed Status = "failed"
)

// Event is a fact about one aggregate, together with its publishing state.
type Event struct {
	// Seq orders the events of a tenant.
	Seq int64
	// ID is the event's identity.
	ID string
	// Name is for example "User.created".
	Name string
	// AggregateType and AggregateID say what changed.
	AggregateType, AggregateID string
	// AggregateVersion is the lock version that the change made.
	AggregateVersion int64
	// ActorID is who changed it.
	ActorID string
	// RequestID is the request that changed it, empty when it was none.
	RequestID string
	// Data is a JSON object: what happened.
	Data json.RawMessage
	// CreatedAt is when it was recorded.
	CreatedAt time.Time
	// Status is the publishing state. An event whose message was pruned was published.
	Status Status
	// Attempts is how often it was tried; nil once its message was pruned.
	Attempts *int
	// PublishedAt is when it was done; nil before, and once its message was pruned.
	PublishedAt *time.Time
}

// Filter says which events a list shows. An empty field asks nothing.
type Filter struct {
	// Name is the name of the events.
	Name string
	// AggregateType and AggregateID are of what changed.
	AggregateType, AggregateID string
	// ActorID is who changed it.
	ActorID string
	// Status is the publishing state.
	Status Status
	// From is the first time that counts, To the first that does not any more.
	From, To time.Time
	// Limit is the size of the page, 1 to rest.MaxLimit; 0 stands for rest.DefaultLimit.
	Limit int
	// Cursor is where the last page ended; empty for the first.
	Cursor string
}

// Page is a part of a list, newest first.
type Page struct {
	// Events are the events on it.
	Events []Event
	// Next is the cursor of the next page, empty at the end.
	Next string
}
