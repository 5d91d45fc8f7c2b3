// Package userevents is what the user module tells the others: the names and the data of its events.
//
// It is a published language. Events are kept for ever and read by other programs, so fields are
// added and never changed.
package userevents

// The names of the events.
const (
	// NameCreated is the name of Created.
	NameCreated = "User.created"
	// NameUpdated is the name of Updated.
	NameUpdated = "User.updated"
	// NameDisabled is the name of Disabled.
	NameDisabled = "User.disabled"
	// NameEnabled is the name of Enabled.
	NameEnabled = "User.enabled"
	// NameDeleted is the name of Deleted.
	NameDeleted = "User.deleted"
)

// Created says that there is a new user, and who it is.
type Created struct {
	// Email is the user's address.
	Email string `json:"email"`
	// Name is the user's name for people.
	Name string `json:"name"`
	// Role is what the application shows and keeps: member, admin or auditor.
	Role string `json:"role"`
}

// Updated says what changed about a user; fields that stayed are absent.
type Updated struct {
	// Changes holds a pair for each field that changed.
	Changes Changes `json:"changes"`
}

// Changes are the fields of a user that an update can change.
type Changes struct {
	// Email is the change of address.
	Email *Change `json:"email,omitempty"`
	// Name is the change of name.
	Name *Change `json:"name,omitempty"`
	// Role is the change of role.
	Role *Change `json:"role,omitempty"`
}

// Change is what a field was and what it became.
type Change struct {
	// From is the value before.
	From string `json:"from"`
	// To is the value after.
	To string `json:"to"`
}

// Disabled says that a user may not come in any more.
type Disabled struct{}

// Enabled says that a disabled user may come in again.
type Enabled struct{}

// Deleted says that a user is gone, and who it was.
type Deleted struct {
	// Email is the address that is free again.
	Email string `json:"email"`
	// Name is the name that the user had.
	Name string `json:"name"`
	// Role is the role that the user had.
	Role string `json:"role"`
}
