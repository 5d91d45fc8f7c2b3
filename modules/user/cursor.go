package user

import (
	"time"

	"github.com/google/uuid"
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

// genuine reports whether a list can have such a position.
func (p position) genuine() bool {
	id, err := uuid.Parse(p.ID)
	return err == nil && id.String() == p.ID && p.Micros >= 0 && p.Micros <= lastMicro
}
