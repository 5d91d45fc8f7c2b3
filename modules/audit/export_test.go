package audit

import "github.com/tenantry/tenantry/tenants"

// Read is what List does inside its transaction.
func Read(tx *tenants.Tx, filter Filter) (Page, error) {
	before, err := filter.check()
	if err != nil {
		return Page{}, err
	}
	events, err := list(tx, filter, before)
	if err != nil {
		return Page{}, err
	}
	return page(events, filter.Limit)
}

// CheckCursor reads a cursor.
func CheckCursor(cursor string) error {
	_, err := (&Filter{Cursor: cursor}).check()
	return err
}

// Position is where a page ends.
type Position = position
