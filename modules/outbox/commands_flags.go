package outbox

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
)

// flags reads what the user typed, and gathers every mistake. A flag that the command did not declare is
// a defect of the command.
type flags struct {
	set    *pflag.FlagSet
	now    time.Time
	wrong  mistakes
	defect error
}

func read(call module.Call, env module.Env) *flags {
	return &flags{set: call.Flags, now: env.Clusters.Home().Now()}
}

// err reports all mistakes.
func (f *flags) err() error {
	if f.defect != nil {
		return fmt.Errorf("read the command's flags: %w", f.defect)
	}
	return fault.InvalidFields(f.wrong)
}

func (f *flags) text(name string) string { return value(f, name, f.set.GetString) }

func (f *flags) texts(name string) []string { return value(f, name, f.set.GetStringSlice) }

func (f *flags) isSet(name string) bool { return value(f, name, f.set.GetBool) }

func (f *flags) required(name string) string {
	text := f.text(name)
	f.wrong.note(text == "", "--"+name, "is required")
	return text
}

func (f *flags) positive(name string) int {
	number := value(f, name, f.set.GetInt)
	f.wrong.note(number < 1, "--"+name, "must be at least 1")
	return number
}

// time is nil when the flag was not given.
func (f *flags) time(name string) *time.Time {
	text := f.text(name)
	if text == "" {
		return nil
	}
	at, ok := parseTime(text, f.now)
	f.wrong.note(!ok, "--"+name, "must be a time like 2026-01-02T15:04:05Z, or how long ago, like 90m or 2h")
	return &at
}

func value[T any](f *flags, name string, get func(string) (T, error)) T {
	found, err := get(name)
	if err != nil {
		f.defect = err
	}
	return found
}

// parseTime reads a time as in RFC 3339, or how long ago it was.
func parseTime(text string, now time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, false
	}
	return now.Add(-ago), true
}
