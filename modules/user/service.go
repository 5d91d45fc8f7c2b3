package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

// Service is the use cases of the users. Every exported method checks the actor's role and is one
// transaction in the scope that it is given.
type Service struct{}

// NewService makes the service. It holds nothing: what it works on comes with each call.
func NewService() *Service { return &Service{} }

// Input is what a new user is made of.
type Input struct {
	// Email is the bare address.
	Email string
	// Name is for people.
	Name string
	// Role is shown and kept.
	Role Role
}

// Filter says which users a list shows.
type Filter struct {
	// Email is an address to look for, whatever its case; empty for all.
	Email string
	// Status is active or disabled; empty for both.
	Status Status
	// Limit is the size of the page, 1 to rest.MaxLimit; 0 stands for rest.DefaultLimit.
	Limit int
	// Cursor is where the last page ended; empty for the first.
	Cursor string
}

// Page is a part of a list, newest first.
type Page struct {
	// Users are the users on it.
	Users []*User
	// Next is the cursor of the next page, empty at the end.
	Next string
}

// Create makes a user. Only admins may.
func (s *Service) Create(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, input Input) (*User, error) {
	if err := actor.Require(tenants.Admin); err != nil {
		return nil, err
	}
	var created *User
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		created, err = create(tx, actor, input)
		return err
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

// Get reads one user.
func (s *Service) Get(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string) (*User, error) {
	if err := requireReader(actor); err != nil {
		return nil, err
	}
	var found *User
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		found, err = find(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// List reads a page of the users, newest first.
func (s *Service) List(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, filter Filter) (Page, error) {
	if err := requireReader(actor); err != nil {
		return Page{}, err
	}
	after, err := filter.check()
	if err != nil {
		return Page{}, err
	}
	var users []*User
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		var err error
		users, err = list(tx, filter, after)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	return page(users, filter.Limit)
}

// Change updates a user whom the caller saw in a version. Only admins may.
func (s *Service) Change(
	ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string, version rest.Version, changes Changes,
) (*User, error) {
	return write(ctx, actor, scope, id, version, func(u *User, tx *tenants.Tx) error {
		return u.Change(changes, tx.Now)
	})
}

// Disable shuts a user out. Only admins may.
func (s *Service) Disable(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string, version rest.Version) (*User, error) {
	return write(ctx, actor, scope, id, version, func(u *User, tx *tenants.Tx) error {
		u.Disable(tx.Now)
		return nil
	})
}

// Enable lets a disabled user in again. Only admins may.
func (s *Service) Enable(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string, version rest.Version) (*User, error) {
	return write(ctx, actor, scope, id, version, func(u *User, tx *tenants.Tx) error {
		u.Enable(tx.Now)
		return nil
	})
}

// Delete removes a user. Only admins may.
func (s *Service) Delete(ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string, version rest.Version) error {
	if err := actor.Require(tenants.Admin); err != nil {
		return err
	}
	return scope.Transact(ctx, func(tx *tenants.Tx) error {
		u, err := load(tx, id, version)
		if err != nil {
			return err
		}
		u.Delete(tx.Now)
		return outbox.Delete(tx, actor, u)
	})
}

// write loads a user in the version that the caller saw, lets it decide, and saves what it recorded.
func write(
	ctx context.Context, actor tenants.Actor, scope *tenants.Scope, id string, version rest.Version,
	decide func(*User, *tenants.Tx) error,
) (*User, error) {
	if err := actor.Require(tenants.Admin); err != nil {
		return nil, err
	}
	var written *User
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		u, err := load(tx, id, version)
		if err != nil {
			return err
		}
		if err := decide(u, tx); err != nil {
			return err
		}
		written = u
		return save(tx, actor, u)
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

func load(tx *tenants.Tx, id string, version rest.Version) (*User, error) {
	u, err := find(tx, id)
	if err != nil {
		return nil, err
	}
	return u, version.Check(u.LockVersion)
}

// create is also the onboarding's, which has a transaction of its own.
func create(tx *tenants.Tx, actor tenants.Actor, input Input) (*User, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a user id: %w", err)
	}
	u, err := New(id.String(), input.Email, input.Name, input.Role, tx.Now)
	if err != nil {
		return nil, err
	}
	return u, save(tx, actor, u)
}

// save writes what a verb recorded; a verb that changed nothing needs no write and no event.
func save(tx *tenants.Tx, actor tenants.Actor, u *User) error {
	if len(u.Recorded()) == 0 {
		return nil
	}
	err := outbox.Save(tx, actor, u)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == "23505" && pgErr.ConstraintName == "users_email" {
		return fault.New(fault.Conflict, "email_taken", "Another user has this e-mail address.").Because(err)
	}
	return err
}

func requireReader(actor tenants.Actor) error {
	return actor.Require(tenants.Member, tenants.Auditor, tenants.Admin)
}
