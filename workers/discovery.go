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

// noteFree forgets that another process held a tenant's lease.
func (p *Pool) noteFree(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tenants[id]; t != nil {
		t.takenUntil = time.Time{}
	}
}

// sweepLoop looks into all tenants, chunk by chunk, for what no hint told of: correctness depends on
// this alone.
func (p *Pool) sweepLoop(ctx context.Context) error {
	after, chunks, between := firstTenant, 0, time.Duration(0) // the first round goes without pauses
	var oldest time.Duration
	for {
		pause(ctx, between)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		seen, last, err := p.sweep(ctx, after)
		if err != nil {
			if ctx.Err() == nil {
				p.config.Log.WarnContext(ctx, "the sweep failed; trying again", "error", err)
			}
			between = p.config.SweepPauseMax
			continue
		}
		oldest = max(oldest, p.sight(seen))
		chunks++
		if last != "" {
			after = last
			continue
		}
		p.metrics.sweeps.Inc()
		p.metrics.oldestSeconds.Set(oldest.Seconds())
		between = p.sweepPause(chunks)
		after, chunks, oldest = firstTenant, 0, 0
	}
}

// sweepLimit bounds one look, because a connection that has silently died answers nobody.
const sweepLimit = 30 * time.Second

func (p *Pool) sweep(ctx context.Context, after string) (seen []sighting, last string, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	return p.ledger.sweep(ctx, after, p.config.SweepChunk)
}

// sweepPause spreads the chunks over the round, so that few tenants are looked at often and many cost
// little; the jitter keeps several workers apart.
func (p *Pool) sweepPause(chunks int) time.Duration {
	even := p.config.SweepRound / time.Duration(max(chunks, 1))
	even = min(max(even, p.config.SweepPauseMin), p.config.SweepPauseMax)
	return even - even/10 + rand.N(even/5+1) //nolint:gosec // jitter needs no secrecy
}

// sight wakes what has work now, and sets the alarm for what has some later. It returns the age of the
// oldest unpublished event seen.
func (p *Pool) sight(seen []sighting) (oldest time.Duration) {
	now := time.Now()
	for _, s := range seen {
		if s.oldest != nil {
			oldest = max(oldest, now.Sub(*s.oldest))
		}
		if s.oldest != nil || !s.due.After(now) {
			p.sighted(s.tenantID, s.due != nil)
		}
		if s.due != nil && s.due.After(now) && s.due.Before(now.Add(p.config.SweepRound)) {
			p.expect(s.tenantID, *s.due)
		}
	}
	return oldest
}

func (p *Pool) sighted(id string, retries bool) {
	p.mu.Lock()
	if t := p.tenants[id]; t != nil && retries {
		t.retries = true
	}
	p.mu.Unlock()
	p.wake(id)
}

func (p *Pool) expect(id string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tenants[id]
	if t == nil {
		t = &tenant{id: id, weight: 1}
		p.tenants[id] = t
	}
	p.setAlarm(t, at)
}
