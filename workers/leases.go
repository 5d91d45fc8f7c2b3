package workers

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	acquireChunk = 1000
	renewParts   = 3
	// lockedPause is when a lease is asked for again whose row was locked.
	lockedPause = 20 * time.Millisecond
)

// want asks for a lease; the wishes of a moment go in one statement. The lock is held.
func (p *Pool) want(t *tenant) {
	p.wanted[t.id] = struct{}{}
	select {
	case p.wantedNews <- struct{}{}:
	default:
	}
}

// acquireLoop takes the leases of tenants that have work.
func (p *Pool) acquireLoop(ctx context.Context) error {
	if err := p.join(ctx); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.wantedNews:
		}
		for chunk := range slices.Chunk(p.takeWanted(), acquireChunk) {
			if err := p.acquire(ctx, chunk); err != nil && ctx.Err() == nil {
				p.outage.failed(ctx, "leases could not be acquired; trying again", err)
				p.wantAgain(chunk)
				pause(ctx, time.Second)
			}
		}
	}
}

func (p *Pool) takeWanted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := p.admit(p.wanted)
	clear(p.wanted)
	return ids
}

func (p *Pool) wantAgain(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if t := p.tenants[id]; t != nil {
			p.want(t)
		}
	}
}

// acquire and the release of idle leases exclude each other: else a lease could be given up in the
// database that was won again a moment before.
func (p *Pool) acquire(ctx context.Context, ids []string) error {
	p.leasing.Lock()
	defer p.leasing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	asked := time.Now()
	grants, err := p.ledger.acquire(ctx, ids)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := make(map[string]struct{}, len(grants))
	for _, g := range grants {
		known[g.lease.Placement.TenantID] = struct{}{}
		p.install(g, asked)
	}
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			delete(p.tenants, id) // not a tenant of this cluster, or not any more
		}
	}
	return nil
}

// install notes a grant, or until when another process holds the lease. The lock is held.
func (p *Pool) install(g grant, asked time.Time) {
	t := p.tenants[g.lease.Placement.TenantID]
	if t == nil {
		return
	}
	if !g.held {
		p.waitFor(t, g)
		return
	}
	p.won(t)
	t.lease, t.weight, t.paused = g.lease, g.weight, g.paused
	t.lastWork = time.Now()
	t.retries, t.retriedLast = true, true // nobody looked yet; the messages come first, and tell whether to
	t.hold(asked, p.config.LeaseTTL)
	p.wakeLocked(t)
}

// waitFor notes until when another process has the lease. One that is free and was not granted was
// locked for the moment, by a sweep or by another process that takes it; it is asked for again.
func (p *Pool) waitFor(t *tenant, g grant) {
	if g.taken <= 0 {
		p.setAlarm(t, time.Now().Add(lockedPause+rand.N(lockedPause))) //nolint:gosec // jitter needs no secrecy
		return
	}
	t.takenUntil = time.Now().Add(min(g.taken, p.config.LeaseTTL))
	t.offered, t.freed = false, false
}

// loseLocked forgets a lease that is gone, stops the turn under it, and asks anew.
func (p *Pool) loseLocked(t *tenant) {
	t.letGo()
	p.metrics.lost.Inc()
	p.turns.Forget(t.id)
	if t.cancel != nil {
		t.cancel()
	}
	if !p.stopping {
		p.want(t)
	}
}

// renewLoop keeps the leases of tenants that have work, and lets go of those that have none or that
// others have room for.
func (p *Pool) renewLoop(ctx context.Context) {
	ticker := time.NewTicker(p.config.LeaseTTL / renewParts)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.balance.news:
			p.handOverVacated(ctx)
			continue
		case <-ticker.C:
		}
		if err := p.renew(ctx); err != nil && ctx.Err() == nil {
			p.outage.failed(ctx, "leases could not be renewed; they run out unless this passes", err)
		}
		if err := p.meet(ctx); err != nil {
			if ctx.Err() == nil {
				p.outage.failed(ctx, "the worker could not meet the others", err)
			}
			continue
		}
		p.level(ctx)
	}
}

func (p *Pool) renew(ctx context.Context) error {
	ids, fences, visits := p.heldAndIdle(ctx)
	p.metrics.held.Set(float64(len(ids)))
	if len(ids) == 0 {
		return nil
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	renewals, err := p.ledger.renew(ctx, ids, fences, visits)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.metrics.waiting.Set(float64(p.turns.Waiting()))
	kept := make(map[string]struct{}, len(renewals))
	for _, r := range renewals {
		kept[r.tenantID] = struct{}{}
		p.refresh(r, asked)
	}
	for i, id := range ids {
		t := p.tenants[id]
		if _, ok := kept[id]; !ok && t != nil && t.lease.Fence == fences[i] {
			p.loseLocked(t)
		}
	}
	return nil
}

// refresh takes what changed about a tenant: its slug, weight, or a pause. The lock is held.
func (p *Pool) refresh(r renewal, asked time.Time) {
	t := p.tenants[r.tenantID]
	if t == nil {
		return
	}
	again := t.paused && !r.paused || !t.held() // it may have had to wait while the lease seemed over
	t.lease.Placement.Slug, t.weight, t.paused = r.slug, r.weight, r.paused
	t.hold(asked, p.config.LeaseTTL)
	if again {
		p.wakeLocked(t)
	}
}

// heldAndIdle returns the leases to renew, and releases those of tenants that had no work for long.
func (p *Pool) heldAndIdle(ctx context.Context) (ids []string, fences []int64, visits []*time.Time) {
	p.leasing.Lock()
	defer p.leasing.Unlock()
	p.mu.Lock()
	var idle []string
	for id, t := range p.tenants {
		switch {
		case t.deadline.Load() == 0:
			if p.isForgotten(t) {
				delete(p.tenants, id)
			}
		case p.isIdle(t):
			idle = append(idle, id)
			t.letGo()
			t.stopAlarm()
			p.turns.Forget(id)
			delete(p.tenants, id)
		default:
			ids, fences, visits = append(ids, id), append(fences, t.lease.Fence), append(visits, t.visited)
			t.visited = nil
		}
	}
	p.balance.held = len(ids)
	p.mu.Unlock()
	if len(idle) > 0 {
		ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
		defer cancel()
		if err := p.ledger.release(ctx, idle); err != nil && ctx.Err() == nil {
			p.outage.failed(ctx, "idle leases could not be released; they run out by themselves", err)
		}
	}
	return ids, fences, visits
}

// isIdle leaves a tenant alone whose next retry is near; a later one is found by the sweep.
func (p *Pool) isIdle(t *tenant) bool {
	if t.running || t.dirty || p.turns.Has(t.id) || time.Since(t.lastWork) < p.config.IdleRelease {
		return false
	}
	return t.alarmAt.IsZero() || time.Until(t.alarmAt) > p.config.IdleRelease
}

// isForgotten reports that nothing needs to be remembered of a tenant which this process does not hold.
func (p *Pool) isForgotten(t *tenant) bool {
	_, wanted := p.wanted[t.id]
	return !wanted && !t.running && t.alarmAt.IsZero() && time.Now().After(t.takenUntil)
}

// releaseAll gives everything up at the end, so that the next process goes on at once: all that the
// database counts as this process's, also what was won or let go of in a statement that was cut off.
func (p *Pool) releaseAll(ctx context.Context) {
	p.mu.Lock()
	for _, t := range p.tenants {
		t.letGo()
	}
	p.mu.Unlock()
	ids, err := p.reclaim(ctx)
	// After that, so that a heartbeat which was cut off a moment ago is over as well.
	if err := p.leave(ctx); err != nil {
		p.config.Log.WarnContext(ctx, "the others count on this process until its time is over", "error", err)
	}
	if err != nil {
		p.config.Log.WarnContext(ctx, "leases could not be released; they run out by themselves", "error", err)
		return
	}
	if len(ids) > 0 && p.hints != nil {
		p.hints.Announce(Hint{TenantIDs: ids, Free: true, Last: true})
	}
}

// leave has a time of its own, so that the others are told even if the leases took all of theirs.
func (p *Pool) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	return p.ledger.leave(ctx)
}

// pause waits, or returns early when ctx is over.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
