package audit

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
)

// check completes the filter and finds the position before which its events stand.
func (f *Filter) check() (position, error) {
	if f.Limit == 0 {
		f.Limit = DefaultLimit
	}
	if err := f.mistakes(); err != nil {
		return position{}, err
	}
	before := end
	if !f.To.IsZero() {
		before = startOf(f.To)
	}
	if f.Cursor == "" {
		return before, nil
	}
	cursor, err := parseCursor(f.Cursor)
	return earlier(before, cursor), err
}

func (f *Filter) mistakes() error {
	var fields []fault.Field
	report := func(wrong bool, name, message string) {
		if wrong {
			fields = append(fields, fault.Field{Name: name, Message: message})
		}
	}
	const text = "must be UTF-8 text without NUL"
	report(f.Limit < 1 || f.Limit > MaxLimit, "limit", "must be 1 to 200")
	report(!storable(f.Name), "name", text)
	report(!storable(f.AggregateType), "aggregate_type", text)
	report(!storable(f.ActorID), "actor_id", text)
	report(f.AggregateID != "" && !isUUID(f.AggregateID), "aggregate_id", "must be a UUID")
	report(!f.Status.known(), "status", "must be unpublished, retrying, published or failed")
	report(!datable(f.From), "from", "must be a time of the years 1970 to 9999")
	report(!datable(f.To), "to", "must be a time of the years 1970 to 9999")
	if len(fields) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Malformed, Code: "bad_parameter", Message: "Some parameters are not valid.", Fields: fields}
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

// page cuts off the event too many, whose presence means that there is a next page.
func page(events []Event, limit int) (Page, error) {
	if len(events) <= limit {
		return Page{Events: events}, nil
	}
	events = events[:limit]
	next, err := positionOf(events[limit-1]).encode()
	if err != nil {
		return Page{}, err
	}
	return Page{Events: events, Next: next}, nil
}
