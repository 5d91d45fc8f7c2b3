package workers

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config says how a pool works. The zero value of a field means its default.
type Config struct {
	// Holder names this process in the leases. Default: the host's name and a random part.
	Holder string
	// Slots is how many turns and borrowed lanes run at one time. Default 8.
	Slots int
	// TenantSlots is how many of the slots one tenant may use while nobody else waits. Default: all.
	TenantSlots int
	// Quantum is the time that a tenant of weight 1 may use in each round. Default 10 ms.
	Quantum time.Duration
	// BatchSize is the most events that are read at once. Default 500.
	BatchSize int
	// LeaseTTL is how long a lease lasts unless renewed, which happens three times in that time. A
	// tenant of a process that died waits so long. Default 15 s.
	LeaseTTL time.Duration
	// IdleRelease is how long a lease is kept without work. Default 30 s.
	IdleRelease time.Duration
	// SweepRound is how long a look into all tenants should take; it finds what no hint told of.
	// Default 30 s.
	SweepRound time.Duration
	// SweepChunk is how many tenants one sweep query looks into. Default 200.
	SweepChunk int
	// SweepPauseMin and SweepPauseMax bound the pause between two such queries, so that few tenants are
	// looked at often and many do not cost much. Defaults 500 ms and 2 s.
	SweepPauseMin, SweepPauseMax time.Duration
	// HandlerTimeout bounds a call of a handler that sets no timeout. Default 10 s.
	HandlerTimeout time.Duration
	// AbandonAfter is how long after its timeout a handler that ignores it is waited for. Default 1 s.
	AbandonAfter time.Duration
	// Retry says when a failed delivery is tried again, and how often.
	Retry RetryPolicy
	// OrphanPause is when a delivery is looked at again whose handler is not in this program, and
	// OrphanLimit how long after it was parked, and after this process met it, it is given up: a rolling
	// deploy has to be over by then. Defaults 1 min and 1 h.
	OrphanPause, OrphanLimit time.Duration
	// BreakerDelay is the pause after which a destination that was away, the broker or what a handler
	// calls, is tried again. Default 500 ms.
	BreakerDelay time.Duration
	// Retention says how long the traces of publishing are kept. Default: for ever.
	Retention Retention
	// PinnedAfter is the age from which something that holds back vacuum is worth a warning. Default 5 min.
	PinnedAfter time.Duration
	// PinnedPause is between two looks for it. Default a minute, or PinnedAfter if that is shorter.
	PinnedPause time.Duration
	// ShutdownLimit bounds how long a graceful stop waits for the turns that run. Default 15 s.
	ShutdownLimit time.Duration
	// Log takes what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	if c.Holder == "" {
		c.Holder = holderName()
	}
	fill(&c.Slots, 8)
	fill(&c.TenantSlots, c.Slots)
	fill(&c.Quantum, 10*time.Millisecond)
	fill(&c.BatchSize, 500)
	fill(&c.LeaseTTL, 15*time.Second)
	fill(&c.IdleRelease, 30*time.Second)
	fill(&c.SweepRound, 30*time.Second)
	fill(&c.SweepChunk, 200)
	fill(&c.SweepPauseMin, 500*time.Millisecond)
	fill(&c.SweepPauseMax, 2*time.Second)
	fill(&c.HandlerTimeout, 10*time.Second)
	fill(&c.AbandonAfter, time.Second)
	fill(&c.BreakerDelay, 500*time.Millisecond)
	fill(&c.OrphanPause, time.Minute)
	fill(&c.OrphanLimit, time.Hour)
	fill(&c.ShutdownLimit, 15*time.Second)
	c.Retry = c.Retry.withDefaults()
	c.Retention = c.Retention.withDefaults()
	fill(&c.PinnedAfter, 5*time.Minute)
	fill(&c.PinnedPause, min(time.Minute, c.PinnedAfter))
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// holderName is different for every process, also for two of one host.
func holderName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "worker"
	}
	return strings.ToLower(host) + "-" + uuid.NewString()[:8]
}

// maxSweepChunk keeps a sweep's transaction within PostgreSQL's default lock table.
const maxSweepChunk = 200

func (c Config) validate() error {
	var mistakes []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("workers: "+format, args...))
		}
	}
	require(c.Slots >= 1, "Slots is %d and must be at least 1", c.Slots)
	require(c.TenantSlots >= 1, "TenantSlots is %d and must be at least 1", c.TenantSlots)
	require(c.Quantum > 0, "Quantum is %s and must be positive", c.Quantum)
	require(c.BatchSize >= 1 && c.BatchSize <= 10_000, "BatchSize is %d and must be 1 to 10000", c.BatchSize)
	require(c.Retry.check() == nil, "Retry does not work: %w", c.Retry.check())
	require(c.LeaseTTL >= 100*time.Millisecond, "LeaseTTL is %s and must be at least 100ms", c.LeaseTTL)
	require(c.SweepChunk >= 1 && c.SweepChunk <= maxSweepChunk, "SweepChunk is %d and must be 1 to %d", c.SweepChunk, maxSweepChunk)
	require(c.SweepPauseMin > 0 && c.SweepPauseMin <= c.SweepPauseMax, "SweepPauseMin must be positive and at most SweepPauseMax")
	require(c.HandlerTimeout > 0, "HandlerTimeout is %s and must be positive", c.HandlerTimeout)
	require(c.PinnedAfter > 0 && c.PinnedPause > 0, "PinnedAfter and PinnedPause must be positive")
	return errors.Join(append(mistakes, c.Retention.validate())...)
}
