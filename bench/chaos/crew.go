package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// crew is the worker processes of a run. Each place has one, except while a fault holds the place.
type crew struct {
	dir      string
	settings []string

	mu     sync.Mutex
	places []*place
	starts int
	// deserted are the workers that ended although nobody asked them to.
	deserted *Check
	// unruly are those that did not end well, or not in time, when they were asked to stop.
	unruly *Check
}

// place is where one worker works.
type place struct {
	running *process
	// held means that a fault is at work here.
	held bool
}

func newCrew(dir string, settings []string) *crew {
	return &crew{
		dir: dir, settings: settings,
		deserted: defect("workers: ended by themselves"), unruly: defect("workers: did not stop well when asked to"),
	}
}

func startCrew(ctx context.Context, dir string, settings []string, n int) (*crew, error) {
	c := newCrew(dir, settings)
	for range n {
		p := &place{}
		c.places = append(c.places, p)
		if err := c.start(ctx, p); err != nil {
			return c, err
		}
	}
	return c, nil
}

// start puts a new worker into a place.
func (c *crew) start(ctx context.Context, p *place) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starts++
	name := filepath.Join(c.dir, fmt.Sprintf("worker-%d", c.starts))
	started, err := spawn(ctx, Part{Journal: name + journalSuffix}, c.settings, name+".log")
	if err != nil {
		return err
	}
	p.running = started
	go c.watch(ctx, p, started)
	return nil
}

// watch notes a worker that ends by itself, and puts another into its place, as any supervisor does.
func (c *crew) watch(ctx context.Context, p *place, worker *process) {
	<-worker.ended
	if worker.asked.Load() {
		return
	}
	c.mu.Lock()
	c.deserted.addf("%s ended with %s: %s", filepath.Base(worker.log), worker.state, tail(worker.log))
	free := !p.held
	c.mu.Unlock()
	if free && rest(ctx, again) {
		_ = c.start(ctx, p) // the run fails already
	}
}

// hold takes a place for a fault: the picked one of those that are free.
func (c *crew) hold(pick uint64) (p *place, release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var free []*place
	for _, p := range c.places {
		if !p.held {
			free = append(free, p)
		}
	}
	if len(free) == 0 {
		return nil, nil, false
	}
	p = free[pick%uint64(len(free))]
	p.held = true
	return p, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.held = false
	}, true
}

// kill ends the picked worker, and starts another after a while.
func (c *crew) kill(ctx context.Context, pick uint64, away time.Duration) error {
	return c.at(pick, func(p *place) error {
		p.running.kill()
		rest(ctx, away)
		return c.start(ctx, p)
	})
}

// replace stops the picked worker as a deployment does, and starts another.
func (c *crew) replace(ctx context.Context, pick uint64) error {
	return c.at(pick, func(p *place) error {
		c.dismiss(ctx, p)
		return c.start(ctx, p)
	})
}

// freeze stops the picked worker for longer than its leases last, and lets it go on.
func (c *crew) freeze(ctx context.Context, pick uint64, away time.Duration) error {
	return c.at(pick, func(p *place) error {
		if err := p.running.freeze(); err != nil {
			return fmt.Errorf("freeze a worker: %w", err)
		}
		rest(ctx, away)
		if err := p.running.thaw(); err != nil {
			return fmt.Errorf("let a worker go on: %w", err)
		}
		return nil
	})
}

// errNobodyFree means that faults hold all workers at this moment.
var errNobodyFree = errors.New("chaos: other faults hold all workers")

func (c *crew) at(pick uint64, do func(p *place) error) error {
	p, release, ok := c.hold(pick)
	if !ok {
		return errNobodyFree
	}
	defer release()
	return do(p)
}

// dismiss asks the worker of a place to stop, and waits until it has.
func (c *crew) dismiss(ctx context.Context, p *place) {
	if err := p.running.stop(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unruly.addf("%s", err)
	}
}

// stop ends all workers gracefully.
func (c *crew) stop(ctx context.Context) {
	var stopping sync.WaitGroup
	for _, p := range c.places {
		if p.running != nil {
			stopping.Go(func() { c.dismiss(ctx, p) })
		}
	}
	stopping.Wait()
}
