package user

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
)

// position is where a page ends: lists are newest first by (created_at, id).
type position struct {
	// Micros is the time of creation in microseconds since 1970, the resolution that PostgreSQL keeps.
	Micros int64 `json:"t"`
	// ID tells those apart that were made in the same microsecond.
	ID string `json:"id"`
}

// lastMicro is the end of the year 9999, beyond which no time has a text that everybody reads.
const lastMicro = 253_402_300_799_999_999

func positionOf(u *User) position { return position{Micros: u.CreatedAt.UnixMicro(), ID: u.ID} }

func (p position) time() time.Time { return time.UnixMicro(p.Micros).UTC() }

// encode makes the cursor that stands for the position; clients take it for opaque.
func (p position) encode() (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// parseCursor reads what encode wrote, to the letter, and nothing else: it comes back from outside.
func parseCursor(cursor string) (position, error) {
	var p position
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return position{}, badCursor().Because(err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return position{}, badCursor().Because(err)
	}
	id, err := uuid.Parse(p.ID)
	if err != nil || id.String() != p.ID || p.Micros < 0 || p.Micros > lastMicro {
		return position{}, badCursor()
	}
	if again, err := p.encode(); err != nil || again != cursor {
		return position{}, badCursor()
	}
	return p, nil
}

func badCursor() *fault.Error {
	return fault.New(fault.Malformed, "bad_cursor", "The cursor is not one that a list gave out; start again without it.")
}
