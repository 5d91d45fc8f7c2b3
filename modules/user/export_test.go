package user

// ParseCursor and Encode let the tests read and write cursors.
func ParseCursor(cursor string) (Position, error) { return parseCursor(cursor) }

// Position is where a page ends.
type Position = position

// Encode makes a cursor.
func Encode(p Position) (string, error) { return p.encode() }

// Onboard is the module's part in onboarding.
var Onboard = onboard //nolint:gochecknoglobals // a function under another name
