package workers

import (
	"context"
	"time"
)

const (
	// courtesy is how long a process that holds its share leaves a tenant to the others. It bounds what a
	// tenant waits for a process that counts as live and does not take it.
	courtesy = 50 * time.Millisecond
	// offerParts is the part of the leases' time for which a tenant that was handed over is left to the
	// others: longer, because those who were not told of it find it with their sweep.
	offerParts = 10
)

// balance is what the pool knows of the others, and what it is about to hand over. The pool's lock guards
// it.
type balance struct {
	spread

	// offerAfter is before when nothing is handed over, since nobody took the last offer.
	offerAfter time.Time
	// vacated are tenants to hand over whose turn is over.
	vacated []*tenant
	news    chan struct{}
}

// join makes this process known before it wins its first lease. A former process of the same name is
// dead, whoever starts this one sees to that: what it held is taken over at once, under new fences.
func (p *Pool) join(ctx context.Context) error {
	for {
		orphans, err := p.reclaim(ctx)
		if err == nil {
			p.wakeAll(orphans)
			if err = p.meet(ctx); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.outage.failed(ctx, "the worker could not join the others; trying again", err)
		pause(ctx, time.Second)
	}
}

// reclaim gives up in the database what is held in this process's name.
func (p *Pool) reclaim(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL)
	defer cancel()
	return p.ledger.reclaim(ctx)
}

// meet tells the others that this process lives and learns of them. It takes over from those that died.
func (p *Pool) meet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	began := time.Now()
	seen, err := p.ledger.heartbeat(ctx, p.coverage.visitWithin(p.config))
	if err != nil {
		return err
	}
	p.outage.passed(ctx, began)
	p.metrics.processes.Set(float64(1 + len(seen.peers)))
	p.metrics.unvisited.Set(float64(seen.unvisited))
	p.coverage.noteTenants(seen.tenants)
	p.mu.Lock()
	p.balance.peers = seen.peers
	p.mu.Unlock()
	p.wakeAll(seen.orphans)
	return nil
}

func (p *Pool) wakeAll(ids []string) {
	for _, id := range ids {
		p.wake(id)
	}
}

// level hands over what this process holds beyond its share. Tenants that have a turn finish it first.
func (p *Pool) level(ctx context.Context) {
	p.handOver(ctx, func() []*tenant {
		surplus := p.balance.surplus()
		if surplus == 0 || time.Now().Before(p.balance.offerAfter) {
			return nil
		}
		var free, busy []*tenant
		for _, t := range p.tenants {
			switch {
			case t.deadline.Load() == 0:
			case t.leaving: // it was chosen before
				surplus--
			case t.running:
				busy = append(busy, t)
			default:
				free = append(free, t)
			}
		}
		surplus = max(surplus, 0)
		chosen := free[:min(len(free), surplus)]
		for _, t := range busy[:min(len(busy), surplus-len(chosen))] {
			t.leaving = true
		}
		return chosen
	})
}

// vacate notes that a tenant's last turn here is over. The lock is held.
func (p *Pool) vacate(t *tenant) {
	p.balance.vacated = append(p.balance.vacated, t)
	select {
	case p.balance.news <- struct{}{}:
	default:
	}
}

// handOverVacated gives up what was chosen while it had a turn.
func (p *Pool) handOverVacated(ctx context.Context) {
	p.handOver(ctx, func() (chosen []*tenant) {
		for _, t := range p.balance.vacated {
			if t.leaving && !t.running && p.tenants[t.id] == t && t.deadline.Load() != 0 {
				chosen = append(chosen, t)
			}
		}
		p.balance.vacated = nil
		return chosen
	})
}

// handOver gives the leases of the chosen tenants up, tells the others, and leaves these tenants to them
// for a while. It tells when the leases are free to be won again, because the broker may be slow.
func (p *Pool) handOver(ctx context.Context, choose func() []*tenant) {
	if ids := p.giveUp(ctx, choose); len(ids) > 0 && p.hints != nil {
		p.hints.Announce(Hint{TenantIDs: ids, Free: true})
	}
}

// giveUp returns the chosen tenants that it gave up. As with idle ones, no lease is won meanwhile: it would
// be given up in the database.
func (p *Pool) giveUp(ctx context.Context, choose func() []*tenant) []string {
	p.leasing.Lock()
	defer p.leasing.Unlock()
	p.mu.Lock()
	until := time.Now().Add(p.config.LeaseTTL / offerParts)
	chosen := choose()
	ids := make([]string, 0, len(chosen))
	for _, t := range chosen {
		ids = append(ids, t.id)
		t.letGo()
		t.stopAlarm()
		p.turns.Forget(t.id)
		t.leaving, t.offered, t.patience = false, true, until
		p.setAlarm(t, until)
	}
	p.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	if err := p.ledger.release(ctx, ids); err != nil {
		p.outage.failed(ctx, "leases could not be handed over; they run out by themselves", err)
		return nil
	}
	p.metrics.handedOver.Add(float64(len(ids)))
	return ids
}

// admit chooses which of the wanted tenants to ask for now. Beyond its share this process leaves them to
// the others first, once and for a moment. The lock is held.
func (p *Pool) admit(wanted map[string]struct{}) (ids []string) {
	freed := 0
	for id := range wanted {
		if t := p.tenants[id]; t != nil && t.freed {
			freed++
		}
	}
	now, room := time.Now(), p.balance.room(len(wanted)-freed, freed)
	for id := range wanted {
		t := p.tenants[id]
		switch {
		case t == nil:
		case now.Before(t.patience):
			p.setAlarm(t, t.patience)
		case t.patience.IsZero() && room == 0:
			t.patience = now.Add(courtesy)
			p.setAlarm(t, t.patience)
		default:
			room = max(room-1, 0)
			t.patience = time.Time{}
			ids = append(ids, id)
		}
	}
	return ids
}

// won counts a lease that was granted. An offered tenant that comes back was taken by nobody, although
// somebody who has room for it counts as live: there is no use in offering more until that is known. The
// lock is held.
func (p *Pool) won(t *tenant) {
	if t.deadline.Load() == 0 {
		p.balance.held++
	}
	if t.offered {
		p.balance.offerAfter = time.Now().Add(p.config.LeaseTTL)
	}
	t.leaving, t.offered, t.freed = false, false, false
}
