package workers

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Retention says how long the traces of publishing are kept. Events themselves are kept for ever.
type Retention struct {
	// Messages, Inbox and Attempts are how long published messages, the inbox's rows that are of no use
	// any more, and failed attempts are kept. Zero keeps for ever.
	Messages, Inbox, Attempts time.Duration
	// Rest is how long a tenant is left alone in which nothing was left to delete. Default 6 h.
	Rest time.Duration
	// Tenants is how many tenants one look is for at most, and it ends early when it takes long.
	// Batch is the most rows that it deletes from each of their tables. Defaults 20 and 1000.
	Tenants, Batch int
	// Pause is between two looks when the last one left nothing, and Idle when no tenant was due. A look
	// that left something is followed by a pause of its own length. Defaults 1 s and 30 s.
	Pause, Idle time.Duration
}

func (r Retention) withDefaults() Retention {
	fill(&r.Rest, 6*time.Hour)
	fill(&r.Tenants, 20)
	fill(&r.Batch, 1000)
	fill(&r.Pause, time.Second)
	fill(&r.Idle, 30*time.Second)
	return r
}

func (r Retention) validate() error {
	var mistakes []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("workers: Retention."+format, args...))
		}
	}
	require(r.Messages >= 0 && r.Inbox >= 0 && r.Attempts >= 0, "Messages, Inbox and Attempts must not be negative")
	require(r.Rest > 0 && r.Pause > 0 && r.Idle > 0, "Rest, Pause and Idle must be positive")
	require(r.Tenants >= 1 && r.Tenants <= maxSweepChunk, "Tenants is %d and must be 1 to %d", r.Tenants, maxSweepChunk)
	require(r.Batch >= 1 && r.Batch <= 10_000, "Batch is %d and must be 1 to 10000", r.Batch)
	return errors.Join(mistakes...)
}

// off reports whether everything is kept for ever.
func (r Retention) off() bool { return r.Messages == 0 && r.Inbox == 0 && r.Attempts == 0 }

// pruned is what one look deleted.
type pruned struct {
	tenants                   int // that were due
	messages, inbox, attempts int64
	passed                    int      // tables that were locked or not there
	left                      []string // tenants that have more
}

// retentionLoop deletes what is older than it is to be kept, of the tenants in turns. It needs no lease:
// what it deletes is of no use to a worker any more. Processes share the tenants by claiming them.
func (p *Pool) retentionLoop(ctx context.Context) error {
	if p.config.Retention.off() {
		<-ctx.Done()
		return ctx.Err()
	}
	for between := p.config.Retention.Pause; ; {
		pause(ctx, between)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := time.Now()
		done, err := p.prune(ctx)
		if err != nil {
			if ctx.Err() == nil {
				p.outage.failed(ctx, "pruning failed; trying again", err)
			}
			between = p.config.Retention.Idle
			continue
		}
		between = p.config.Retention.pauseAfter(done, time.Since(began))
	}
}

// pauseAfter leaves at least half of the time to those who publish, and nearly all when there is little
// to do.
func (r Retention) pauseAfter(done pruned, took time.Duration) time.Duration {
	switch {
	case done.tenants == 0:
		return r.Idle
	case len(done.left) > 0:
		return took
	default:
		return r.Pause
	}
}

// lookLimit bounds a look that takes well below a second when all is well: while it lasts nobody sweeps.
const lookLimit = 5 * time.Second

// prune looks after the tenants that it claims. If it dies on the way, they are due again after their
// rest.
func (p *Pool) prune(ctx context.Context) (pruned, error) {
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	began := time.Now()
	claimed, err := p.ledger.claimPruning(ctx, p.config.Retention)
	if err != nil || len(claimed) == 0 {
		return pruned{}, err
	}
	done, err := p.ledger.prune(ctx, claimed, p.config.Retention)
	if err != nil {
		return pruned{}, err
	}
	p.metrics.pruned(done, time.Since(began))
	if len(done.left) > 0 {
		err = p.ledger.unclaimPruning(ctx, done.left, p.config.Retention)
	}
	return done, err
}
