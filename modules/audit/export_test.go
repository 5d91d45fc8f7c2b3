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

// ParseCursor and Encode let the tests read and write cursors.
func ParseCursor(cursor string) (Position, error) { return parseCursor(cursor) }

// Position is where a page ends.
type Position = position

// Encode makes a cursor.
func Encode(p Position) (string, error) { return p.encode() }
