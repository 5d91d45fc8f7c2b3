package user

import (
	"github.com/tenantry/tenantry/app/fault"
)

// check completes the filter and reads its cursor.
func (f *Filter) check() (*position, error) {
	if f.Limit == 0 {
		f.Limit = DefaultLimit
	}
	if err := f.mistakes(); err != nil {
		return nil, err
	}
	if f.Cursor == "" {
		return nil, nil //nolint:nilnil // the first page begins nowhere, which is no mistake
	}
	after, err := parseCursor(f.Cursor)
	if err != nil {
		return nil, err
	}
	return &after, nil
}

func (f *Filter) mistakes() error {
	var fields []fault.Field
	if f.Limit < 1 || f.Limit > MaxLimit {
		fields = append(fields, fault.Field{Name: "limit", Message: "must be 1 to 200"})
	}
	if !storable(f.Email) {
		fields = append(fields, fault.Field{Name: "email", Message: "must be UTF-8 text without NUL"})
	}
	if f.Status != "" && f.Status != Active && f.Status != Disabled {
		fields = append(fields, fault.Field{Name: "status", Message: "must be active or disabled"})
	}
	if len(fields) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Malformed, Code: "bad_parameter", Message: "Some parameters are not valid.", Fields: fields}
}

// page cuts off the one user too many, whose presence means that there is a next page.
func page(users []*User, limit int) (Page, error) {
	if len(users) <= limit {
		return Page{Users: users}, nil
	}
	users = users[:limit]
	next, err := positionOf(users[limit-1]).encode()
	if err != nil {
		return Page{}, err
	}
	return Page{Users: users, Next: next}, nil
}
