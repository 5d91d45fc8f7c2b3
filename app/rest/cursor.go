package rest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/tenantry/tenantry/app/fault"
)

// EncodeCursor makes the cursor that stands for a position in a list; clients take it for opaque. The
// position is whatever JSON holds without loss.
func EncodeCursor(position any) (string, error) {
	text, err := json.Marshal(position)
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// DecodeCursor reads what EncodeCursor wrote, to the letter, and nothing else: it comes back from
// outside. The check says whether a list can have such a position.
func DecodeCursor[T any](cursor string, check func(T) bool) (T, error) {
	var position, none T
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return none, badCursor().Because(err)
	}
	if err := json.Unmarshal(text, &position); err != nil {
		return none, badCursor().Because(err)
	}
	again, err := EncodeCursor(position)
	if err != nil || again != cursor || !check(position) {
		return none, badCursor()
	}
	return position, nil
}

func badCursor() *fault.Error {
	return fault.New(fault.Malformed, "bad_cursor", "The cursor is not one that a list gave out; start again without it.")
}
