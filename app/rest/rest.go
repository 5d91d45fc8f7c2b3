// Package rest is what every REST door shares: the pages of lists with their cursors, and the versions
// of things with their entity tags. It knows no framework, so that services can take what it makes.
package rest

import "github.com/tenantry/tenantry/app/fault"

// The limits of a list's page.
const (
	// DefaultLimit is the size of a page when nobody asks for another.
	DefaultLimit = 50
	// MaxLimit is the size of the largest page.
	MaxLimit = 200
)

// CheckLimit completes the size of a page, and returns what is wrong with it.
func CheckLimit(limit *int) []fault.Field {
	if *limit == 0 {
		*limit = DefaultLimit
	}
	if *limit < 1 || *limit > MaxLimit {
		return []fault.Field{{Name: "limit", Message: "must be 1 to 200"}}
	}
	return nil
}

// BadParameters makes an error out of the mistakes found in parameters, or nil when there are none.
func BadParameters(fields []fault.Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Malformed, Code: "bad_parameter", Message: "Some parameters are not valid.", Fields: fields}
}

// Cut returns the first items of a list that was read with one item too many, and the cursor of the next
// page: the position of the last item that is left, or nothing when no item was too many.
func Cut[T any](items []T, limit int, position func(T) any) (page []T, next string, err error) {
	if len(items) <= limit {
		return items, "", nil
	}
	items = items[:limit]
	next, err = EncodeCursor(position(items[limit-1]))
	if err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// NextCursor is a cursor as the answer shows it: null at the end of the list.
func NextCursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}
