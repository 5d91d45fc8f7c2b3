package user

// CheckCursor reads a cursor.
func CheckCursor(cursor string) error {
	_, err := (&Filter{Cursor: cursor}).check()
	return err
}

// Onboard is the module's part in onboarding.
var Onboard = onboard //nolint:gochecknoglobals // a function under another name
