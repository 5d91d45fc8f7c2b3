package audit

import (
	"cmp"
	"time"
)

// position is a place in the order of the events: newest first by (created_at, seq). A list shows
// what stands before it in time.
type position struct {
	// Micros is the time of recording in microseconds since 1970, the resolution that PostgreSQL keeps.
	Micros int64 `json:"t"`
	// Seq tells those apart that were recorded in the same microsecond.
	Seq int64 `json:"s"`
}

// end is where the newest events are. PostgreSQL's times reach further than the texts of times do.
var end = position{Micros: lastMicro + 1} //nolint:gochecknoglobals // a constant, which Go has none of for structs

// lastMicro is the end of the year 9999, beyond which no time has a text that everybody reads.
const lastMicro = 253_402_300_799_999_999

func positionOf(e Event) position { return position{Micros: e.CreatedAt.UnixMicro(), Seq: e.Seq} }

// startOf is the position before all events of a time. Sequences begin at 1.
func startOf(t time.Time) position { return position{Micros: ceilMicro(t)} }

// ceilMicro rounds up, so that comparing with it is comparing with the time itself.
func ceilMicro(t time.Time) int64 {
	return t.Add(time.Microsecond - time.Nanosecond).UnixMicro()
}

func (p position) time() time.Time { return time.UnixMicro(p.Micros).UTC() }

func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.Micros, other.Micros), cmp.Compare(p.Seq, other.Seq))
}

func earlier(a, b position) position {
	if a.compare(b) < 0 {
		return a
	}
	return b
}

// genuine reports whether a list can have such a position.
func (p position) genuine() bool { return p.Micros >= 0 && p.Micros <= lastMicro && p.Seq >= 1 }
