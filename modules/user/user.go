// Package user is the people of a tenant: who may come in, under which address and name.
package user

import (
	"time"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/user/userevents"
)

// Status says whether a user may come in.
type Status string

// The statuses of a user.
const (
	// Active users may come in.
	Active Status = "active"
	// Disabled users may not, whatever their token says.
	Disabled Status = "disabled"
)

// Role is what the application shows and keeps of a user. It grants nothing: permissions come from
// the roles of the token.
type Role string

// The roles that a user can be shown with.
const (
	// Member is somebody who works in the tenant.
	Member Role = "member"
	// Admin is somebody who runs the tenant.
	Admin Role = "admin"
	// Auditor is somebody who looks into what happened.
	Auditor Role = "auditor"
)

// User is one person of a tenant. Its fields are exported for reading and mapping; only its verbs
// assign them.
type User struct {
	aggregate.Root

	// Email is a bare address, unique in the tenant whatever its case.
	Email string
	// Name is for people.
	Name string
	// Role is shown and kept, and grants nothing.
	Role Role
	// Status says whether the user may come in.
	Status Status
	// CreatedAt and UpdatedAt are the times of the first and the last change.
	CreatedAt, UpdatedAt time.Time
}

// Changes are the new values of an update; nil keeps what is there.
type Changes struct {
	// Email is the new address.
	Email *string
	// Name is the new name.
	Name *string
	// Role is the new role.
	Role *Role
}

// New makes an active user, or tells everything that is wrong with the input at once.
func New(id, email, name string, role Role, now time.Time) (*User, error) {
	if err := fault.InvalidFields(check(Changes{Email: &email, Name: &name, Role: &role})); err != nil {
		return nil, err
	}
	u := &User{
		Root:  aggregate.Root{ID: id},
		Email: email, Name: name, Role: role, Status: Active, CreatedAt: now, UpdatedAt: now,
	}
	u.Record(aggregate.Event{
		Name: userevents.NameCreated,
		Data: userevents.Created{Email: email, Name: name, Role: string(role)},
	})
	return u, nil
}

// AggregateType is the first part of the names of its events.
func (*User) AggregateType() string { return "User" }

// TableName is the table of the users, in the tenant's schema.
func (*User) TableName() string { return "users" }

// Change takes new values. An update that changes nothing records nothing.
func (u *User) Change(changes Changes, now time.Time) error {
	if err := fault.InvalidFields(check(changes)); err != nil {
		return err
	}
	var event userevents.Updated
	event.Changes.Email = replace(&u.Email, changes.Email)
	event.Changes.Name = replace(&u.Name, changes.Name)
	event.Changes.Role = replace(&u.Role, changes.Role)
	if event.Changes != (userevents.Changes{}) {
		u.happened(userevents.NameUpdated, event, now)
	}
	return nil
}

// replace puts a new value in place of the old and tells both, or nothing when they are the same.
func replace[T ~string](field, value *T) *userevents.Change {
	if value == nil || *value == *field {
		return nil
	}
	change := &userevents.Change{From: string(*field), To: string(*value)}
	*field = *value
	return change
}

// Disable shuts the user out. It changes nothing about a user who is disabled already.
func (u *User) Disable(now time.Time) {
	if u.Status == Disabled {
		return
	}
	u.Status = Disabled
	u.happened(userevents.NameDisabled, userevents.Disabled{}, now)
}

// Enable lets a disabled user in again. It changes nothing about one who is active already.
func (u *User) Enable(now time.Time) {
	if u.Status == Active {
		return
	}
	u.Status = Active
	u.happened(userevents.NameEnabled, userevents.Enabled{}, now)
}

// Delete records who is gone; the row goes with it.
func (u *User) Delete(now time.Time) {
	u.happened(userevents.NameDeleted, userevents.Deleted{Email: u.Email, Name: u.Name, Role: string(u.Role)}, now)
}

func (u *User) happened(name string, data any, now time.Time) {
	u.UpdatedAt = now
	u.Record(aggregate.Event{Name: name, Data: data})
}
