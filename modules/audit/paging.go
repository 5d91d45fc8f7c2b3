package audit

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

// check completes the filter and finds the position before which its events stand.
func (f *Filter) check() (position, error) {
	if err := rest.BadParameters(f.mistakes()); err != nil {
		return position{}, err
	}
	before := end
	if !f.To.IsZero() {
		before = startOf(f.To)
	}
	if f.Cursor == "" {
		return before, nil
	}
	cursor, err := rest.DecodeCursor(f.Cursor, position.genuine)
	return earlier(before, cursor), err
}

func (f *Filter) mistakes() []fault.Field {
	fields := rest.CheckLimit(&f.Limit)
	report := func(wrong bool, name, message string) {
		if wrong {
			fields = append(fields, fault.Field{Name: name, Message: message})
		}
	}
	const text = "must be UTF-8 text without NUL"
	report(!storable(f.Name), "name", text)
	report(!storable(f.AggregateType), "aggregate_type", text)
	report(!storable(f.ActorID), "actor_id", text)
	report(f.AggregateID != "" && !isUUID(f.AggregateID), "aggregate_id", "must be a UUID")
	report(!f.Status.known(), "status", "must be unpublished, retrying, published or failed")
	report(!datable(f.From), "from", "must be a time of the years 1970 to 9999")
	report(!datable(f.To), "to", "must be a time of the years 1970 to 9999")
	return fields
}

func (s Status) known() bool {
	switch s {
	case "", Unpublished, Retrying, Published, Failed:
		return true
	default:
		return false
	}
}

// storable reports whether PostgreSQL can hold the text at all; what it cannot hold, it cannot find.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func datable(t time.Time) bool {
	return t.IsZero() || t.UnixMicro() >= 0 && t.UnixMicro() <= lastMicro
}

// isUUID takes the one spelling that PostgreSQL and we write.
func isUUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

func page(events []Event, limit int) (Page, error) {
	events, next, err := rest.Cut(events, limit, func(e Event) any { return positionOf(e) })
	return Page{Events: events, Next: next}, err
}
