package user

import (
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

// check completes the filter and reads its cursor.
func (f *Filter) check() (*position, error) {
	if err := rest.BadParameters(f.mistakes()); err != nil {
		return nil, err
	}
	if f.Cursor == "" {
		return nil, nil //nolint:nilnil // the first page begins nowhere, which is no mistake
	}
	after, err := rest.DecodeCursor(f.Cursor, position.genuine)
	if err != nil {
		return nil, err
	}
	return &after, nil
}

func (f *Filter) mistakes() []fault.Field {
	fields := rest.CheckLimit(&f.Limit)
	if !storable(f.Email) {
		fields = append(fields, fault.Field{Name: "email", Message: "must be UTF-8 text without NUL"})
	}
	if f.Status != "" && f.Status != Active && f.Status != Disabled {
		fields = append(fields, fault.Field{Name: "status", Message: "must be active or disabled"})
	}
	return fields
}

func page(users []*User, limit int) (Page, error) {
	users, next, err := rest.Cut(users, limit, func(u *User) any { return positionOf(u) })
	return Page{Users: users, Next: next}, err
}
