package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// pollAll is the naive way: each poll looks at every tenant in turn, one query for each, and takes a batch
// of what it finds. Tenants are looked at side by side, a tenant by one at a time.
func pollAll(ctx context.Context, l *lab, t target) (runner, error) {
	pool, err := l.bare(ctx)
	if err != nil {
		return nil, err
	}
	p := &polling{naive: naive{pool, t}, tenants: l.everyone(), busy: make([]sync.Mutex, len(l.everyone()))}
	return func(ctx context.Context) error {
		defer pool.Close()
		return p.run(ctx)
	}, nil
}

// everyone is all tenants that this count knows of.
func (l *lab) everyone() []tenant { return l.all[:len(l.tenants)+len(l.spares)] }

type polling struct {
	naive

	tenants []tenant
	busy    []sync.Mutex
	next    atomic.Int64
	idle    atomic.Int64 // looks in a row that found nothing
}

func (p *polling) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range bareConns {
		group.Go(func() error {
			for ctx.Err() == nil {
				if err := p.look(ctx); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// look takes one tenant's batch, and waits when a whole poll has found nothing.
func (p *polling) look(ctx context.Context) error {
	if p.idle.Load() >= int64(len(p.tenants)) {
		if err := sleepUntil(ctx, time.Now().Add(pollPause)); err != nil {
			return err
		}
		p.idle.Store(0)
	}
	i := int(p.next.Add(1)-1) % len(p.tenants)
	if !p.busy[i].TryLock() {
		return nil
	}
	defer p.busy[i].Unlock()
	events, err := p.read(ctx, p.tenants[i])
	if err != nil {
		return err
	}
	if len(events) == 0 {
		p.idle.Add(1)
		return nil
	}
	p.idle.Store(0)
	if err := p.publish(ctx, events); err != nil {
		return err
	}
	if err := p.handle(ctx, events); err != nil {
		return err
	}
	return p.complete(ctx, p.tenants[i].SchemaName, seqsOf(events))
}
