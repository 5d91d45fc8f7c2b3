package chaos

import (
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

// Config says what a run does. The zero value of a field means its default.
type Config struct {
	// Seed makes the schedule of the faults. Every number is a seed.
	Seed uint64
	// Duration is how long the load and the faults go on; longer when the last faults take longer. Default 5 min.
	Duration time.Duration
	// Tenants is how many there are at the beginning. Default 200.
	Tenants int
	// Workers is how many worker processes share them. Default 4.
	Workers int
	// Rate is how many writes a second are tried. Default 100.
	Rate int
	// Pause is the mean time between the beginnings of two faults. Default 3 s.
	Pause time.Duration
	// LeaseTTL is how long a silent worker keeps its tenants. Default 3 s.
	LeaseTTL time.Duration
	// SettleLimit bounds the wait at the end until everything is published. Default 3 min.
	SettleLimit time.Duration
	// Unsynced lets PostgreSQL not sync its commits, which costs nothing as long as the machine lives.
	Unsynced bool
	// Log tells what happens. Default: nobody is told.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	fill(&c.Duration, 5*time.Minute)
	fill(&c.Tenants, 200)
	fill(&c.Workers, 4)
	fill(&c.Rate, 100)
	fill(&c.Pause, 3*time.Second)
	fill(&c.LeaseTTL, 3*time.Second)
	fill(&c.SettleLimit, 3*time.Minute)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func fill[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

// check refuses what makes no run.
func (c Config) check() error {
	var fields []fault.Field
	need := func(ok bool, name, message string) {
		if !ok {
			fields = append(fields, fault.Field{Name: "--" + name, Message: message})
		}
	}
	need(c.Duration >= 5*time.Second, "duration", "must be at least 5s")
	need(c.Tenants >= 2 && c.Tenants <= 2000, "tenants", "must be 2 to 2000")
	need(c.Workers >= 2 && c.Workers <= 16, "workers", "must be 2 to 16")
	need(c.Rate >= 1 && c.Rate <= 10_000, "rate", "must be 1 to 10000")
	need(c.Pause >= 100*time.Millisecond, "pause", "must be at least 100ms")
	return fault.InvalidFields(fields)
}

// schedule is the faults of the run.
func (c Config) schedule() []Fault { return Schedule(c.Seed, c.Duration, c.Pause, c.LeaseTTL) }
