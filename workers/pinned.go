package workers

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// pins remembers what holds back vacuum, between two looks. Where the database does not tell since when,
// the age is counted from the first look.
type pins struct {
	after time.Duration
	seen  map[string]pinned
}

type pinned struct {
	since, last time.Time
	warned      bool
}

// look takes what holds back vacuum now. It returns the age of the oldest, and those that have become
// too old since the last look.
func (p *pins) look(now time.Time, found []tenants.Pin) (oldest time.Duration, news []tenants.Pin) {
	before := p.seen
	p.seen = make(map[string]pinned, len(found))
	for _, pin := range found {
		key := pin.Occurrence()
		known, ok := before[key]
		if !ok {
			known.since = now
		}
		pin.Age = max(pin.Age, now.Sub(known.since))
		oldest = max(oldest, pin.Age)
		if pin.Age >= p.after && !known.warned {
			known.warned = true
			news = append(news, pin)
		}
		known.last = now
		p.seen[key] = known
	}
	p.keepWarned(now, before)
	return oldest, news
}

// keepWarned remembers for a while what was warned of and is not to be seen now: between two statements
// a transaction may hold back nothing, and it is still the same one afterwards.
func (p *pins) keepWarned(now time.Time, before map[string]pinned) {
	for key, known := range before {
		if _, seen := p.seen[key]; !seen && known.warned && now.Sub(known.last) < p.after {
			p.seen[key] = known
		}
	}
}

// pinnedLoop looks once in a while for what holds back vacuum, and names it once.
func (p *Pool) pinnedLoop(ctx context.Context) error {
	known := &pins{after: p.config.PinnedAfter}
	for {
		pause(ctx, p.config.PinnedPause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := p.lookForPins(ctx, known); err != nil && ctx.Err() == nil {
			p.outage.failed(ctx, "cannot look for what holds back vacuum; trying again", err)
		}
	}
}

func (p *Pool) lookForPins(ctx context.Context, known *pins) error {
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	found, err := p.ledger.cluster.Pinned(ctx)
	if err != nil {
		return err
	}
	oldest, news := known.look(time.Now(), found)
	p.metrics.pinnedSeconds.Set(oldest.Seconds())
	for _, pin := range news {
		p.config.Log.WarnContext(ctx, "vacuum is held back: publishing gets slower until this ends",
			"kind", pin.Kind, "pid", pin.PID, "name", pin.Name, "login", pin.Login, "application", pin.Application,
			"state", pin.State, "age", pin.Age.Round(time.Second).String(), "transactions", pin.Transactions)
	}
	return nil
}
