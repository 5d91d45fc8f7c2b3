package workers

import (
	"context"
	"math/rand/v2"
	"time"
)

// firstTenant is before every tenant's id.
const firstTenant = "00000000-0000-0000-0000-000000000000"

// listen wakes the tenants that hints name.
func (p *Pool) listen(ctx context.Context) error {
	if p.hints == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	stop, err := p.hints.Subscribe(p.onHint)
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return ctx.Err()
}

func (p *Pool) onHint(hint Hint) {
	for _, id := range hint.TenantIDs {
		if hint.Free {
			p.noteFree(id)
		}
		p.wake(id)
	}
}

// noteFree notes that another process gave a tenant's lease up.
func (p *Pool) noteFree(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.remember(id)
	t.takenUntil, t.freed = time.Time{}, true
}

// sweepLoop looks into all tenants, chunk by chunk, for what no hint told of: correctness depends on
// this alone.
func (p *Pool) sweepLoop(ctx context.Context) error {
	after, between := firstTenant, time.Duration(0) // the first round goes without pauses
	var looked round
	failed := false
	for {
		pause(ctx, between)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := time.Now()
		seen, last, err := p.sweep(ctx, after, p.config.SweepChunk)
		if err != nil && failed {
			seen, last, err = p.sweepEach(ctx, after)
		}
		if failed = err != nil; failed {
			if ctx.Err() == nil {
				p.outage.failed(ctx, "the sweep failed; trying again", err)
			}
			between = p.config.SweepPauseMax
			continue
		}
		p.outage.passed(ctx, began)
		p.sight(seen)
		looked.add(seen, time.Now(), time.Since(began))
		if last != "" {
			after = last
			continue
		}
		between = p.sweepPause(looked)
		p.coverage.noteRound(looked)
		p.metrics.oldestSeconds.Set(ranked(looked.ages, 0))
		p.metrics.sweeps.Inc()
		after, looked = firstTenant, round{}
	}
}

// sweepLimit bounds one look, because a connection that has silently died answers nobody. Its time begins
// when the others have looked, as that of all who look.
const sweepLimit = 30 * time.Second

func (p *Pool) sweep(ctx context.Context, after string, limit int) (seen []sighting, last string, err error) {
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	return p.ledger.sweep(ctx, after, limit)
}

// sweepPause spreads the chunks over a round as long as the last one should have been, so that few tenants
// are looked at often and many cost little; the jitter keeps several workers apart.
func (p *Pool) sweepPause(last round) time.Duration {
	even := last.length(p.config) / time.Duration(max(last.chunks, 1))
	even = max(even, p.config.SweepPauseMin)
	return even - even/10 + rand.N(even/5+1) //nolint:gosec // jitter needs no secrecy
}

// sight wakes what has work now, and sets the alarm for what has some later.
func (p *Pool) sight(seen []sighting) {
	now, horizon := time.Now(), p.coverage.visitWithin(p.config)
	for _, s := range seen {
		if s.oldest != nil || !s.due.After(now) {
			p.doubt(s.tenantID)
			p.sighted(s.tenantID, s.due != nil)
		}
		if s.due != nil && s.due.After(now) && s.due.Before(now.Add(horizon)) {
			p.expect(s.tenantID, *s.due)
		}
	}
}

// sighted reports whether the tenant will have a turn here.
func (p *Pool) sighted(id string, retries bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.remember(id)
	t.retries = t.retries || retries
	p.wakeLocked(t)
	return t.held() && !t.paused && !t.leaving && !p.stopping
}

// doubt has the lease of a tenant that has work asked for, even if another process had it when it was asked
// for last: that one may have given it up, and the news been lost. Like one that was given up it still counts
// among those that a peer holds.
func (p *Pool) doubt(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tenants[id]; t != nil && t.deadline.Load() == 0 && time.Now().Before(t.takenUntil) {
		t.takenUntil, t.freed = time.Time{}, true
	}
}

func (p *Pool) expect(id string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setAlarm(p.remember(id), at)
}
