package user

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// columns are named one by one, so that a tenant that is a migration ahead or behind still answers.
const columns = "id, email, name, role, status, lock_version, created_at, updated_at"

// find loads one user of the tenant. What is no UUID is nobody's id.
func find(tx *tenants.Tx, id string) (*User, error) {
	if uuid.Validate(id) != nil || len(id) != 36 {
		return nil, notFound()
	}
	return one(tx.DB.Where("id = ?", id))
}

func findByEmail(tx *tenants.Tx, email string) (*User, error) {
	return one(tx.DB.Where("lower(email) = lower(?)", email))
}

func one(query *gorm.DB) (*User, error) {
	var u User
	err := query.Select(columns).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, notFound()
	}
	if err != nil {
		return nil, fmt.Errorf("load a user: %w", err)
	}
	return &u, nil
}

// checkActor refuses a token whose subject is a disabled user. A subject that is no user of the
// tenant, such as a machine's, passes: its issuer vouches for it.
func checkActor(actor tenants.Actor) []tenants.Statement {
	if uuid.Validate(actor.UserID) != nil || len(actor.UserID) != 36 {
		return nil
	}
	return []tenants.Statement{tenants.Row("select status from users where id = $1", []any{actor.UserID},
		func(scan func(into ...any) error) error {
			var status Status
			if err := scan(&status); err != nil {
				return err
			}
			if status == Disabled {
				return fault.New(fault.Unauthenticated, "user_disabled", "This user is disabled.")
			}
			return nil
		})}
}

// list reads one user more than the page holds, which tells whether there is another page.
func list(tx *tenants.Tx, filter Filter, after *position) ([]*User, error) {
	query := tx.DB.Select(columns).Order("created_at desc, id desc").Limit(filter.Limit + 1)
	if filter.Email != "" {
		query = query.Where("lower(email) = lower(?)", filter.Email)
	}
	if filter.Status != "" {
		query = query.Where("status = ?", string(filter.Status))
	}
	if after != nil {
		query = query.Where("(created_at, id) < (?, ?)", after.time(), after.ID)
	}
	var users []*User
	if err := query.Find(&users).Error; err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// storable reports whether PostgreSQL can hold the text at all; what it cannot hold, it cannot find.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func notFound() error {
	return fault.New(fault.NotFound, "user_not_found", "There is no such user.")
}
