package chaos

import "time"

// event is a committed event, as the tables of its tenant have it.
type event struct {
	ID string
	// Seq is its place among its tenant's events.
	Seq int64
	// Tenant and Slug are whose it is.
	Tenant, Slug string
	// Name, Aggregate and Version are what happened to what.
	Name, Aggregate string
	Version         int64
	// Status is its publishing state.
	Status string
}

// write is a change of which a client was told that it is done.
type write struct {
	Tenant, Aggregate string
	Version           int64
}

// ledger is what must have come everywhere: all committed events, and all writes that were acknowledged.
type ledger struct {
	events map[string]event
	writes []write
	// tenants is how many tenants there are.
	tenants int
}

// sighting is one time that an event came where it should.
type sighting struct {
	// EventID is which event it says it is.
	EventID string
	// Tenant is whose it says it is.
	Tenant string
	// Slug is of whom the place is: of the subject's tenant, or of the schema's.
	Slug string
	// Name, Aggregate and Version are what it says that happened to what.
	Name, Aggregate string
	Version         int64
	// At is when it came, by the clock of the place.
	At time.Time
}
