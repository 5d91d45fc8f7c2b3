package workers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

var (
	// errBusy means that the handler's bound is reached: nothing was tried, so no attempt is spent.
	errBusy = errors.New("workers: the handler has as many calls running as it may")
	// errAbandoned means that a handler ignored its deadline and was left behind.
	errAbandoned = errors.New("workers: the handler ignored its deadline and was left behind")
)

// calls routes events to handlers and bounds what each may hold.
type calls struct {
	config  Config
	source  Source
	metrics *Metrics
	byName  map[string]*Handler
	routes  map[string][]*Handler
	all     []*Handler // those that react to every event
	bounds  map[string]chan struct{}
	onFree  func(handler string) // a call has ended, so there is a place
	onSlow  func() (back func()) // a call outlasts the quantum, so its slot goes to somebody else until it is back
}

func newCalls(config Config, source Source, handlers []Handler, metrics *Metrics) (*calls, error) {
	c := &calls{
		config: config, source: source, metrics: metrics,
		byName: make(map[string]*Handler),
		routes: make(map[string][]*Handler),
		bounds: make(map[string]chan struct{}),
		onFree: func(string) {},
		onSlow: func() func() { return func() {} },
	}
	var mistakes []error
	for _, h := range handlers {
		fill(&h.Timeout, config.HandlerTimeout)
		fill(&h.MaxConcurrent, max(config.Slots/2, 1))
		fill(&h.Destination, h.Name)
		h.Retry = h.Retry.over(config.Retry)
		if err := c.check(h); err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		c.add(&h)
	}
	for name, some := range c.routes {
		c.routes[name] = append(some, c.all...)
	}
	return c, errors.Join(mistakes...)
}

func (c *calls) check(h Handler) error {
	_, taken := c.byName[h.Name]
	switch {
	case h.Name == "" || h.Name == BrokerName || len(h.Name) > 100:
		return fmt.Errorf("workers: a handler's name is %q and must be 1 to 100 characters, and not %q", h.Name, BrokerName)
	case taken:
		return fmt.Errorf("workers: two handlers are named %q", h.Name)
	case (h.Transactional == nil) == (h.External == nil):
		return fmt.Errorf("workers: handler %q must be either transactional or external", h.Name)
	case len(h.Events) == 0:
		return fmt.Errorf("workers: handler %q reacts to no event", h.Name)
	case h.Timeout < 0 || h.MaxConcurrent < 0:
		return fmt.Errorf("workers: handler %q has a negative timeout or bound", h.Name)
	}
	return checkDelivery(h)
}

// checkDelivery is about what becomes of an event that the handler does not take.
func checkDelivery(h Handler) error {
	if h.Destination == BrokerName || h.Transactional != nil && h.Destination != h.Name {
		return fmt.Errorf("workers: handler %q has the destination %q, which is for an external one to choose, and not %q",
			h.Name, h.Destination, BrokerName)
	}
	if err := h.Retry.check(); err != nil {
		return fmt.Errorf("workers: handler %q: %w", h.Name, err)
	}
	return nil
}

func (c *calls) add(h *Handler) {
	c.byName[h.Name] = h
	c.bounds[h.Name] = make(chan struct{}, h.MaxConcurrent)
	if slices.Contains(h.Events, "*") {
		c.all = append(c.all, h)
		return
	}
	for _, name := range h.Events {
		c.routes[name] = append(c.routes[name], h)
	}
}

// of returns the handlers that react to an event.
func (c *calls) of(eventName string) []*Handler {
	if some, ok := c.routes[eventName]; ok {
		return some
	}
	return c.all
}

// passesDead reports whether later events of an aggregate may pass one that is dead for the handler.
func (c *calls) passesDead(handler string) bool {
	h, ok := c.byName[handler]
	return ok && h.ContinueAfterDead
}

// enter takes a place in a handler's bound, and waits a moment for one.
func (c *calls) enter(ctx context.Context, handler string) error {
	select {
	case c.bounds[handler] <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(c.config.Quantum)
	defer timer.Stop()
	select {
	case c.bounds[handler] <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// full reports whether a handler has as many calls running as it may.
func (c *calls) full(handler string) bool { return len(c.bounds[handler]) == cap(c.bounds[handler]) }

// invoke turns a panic into an error, so that a handler's defect is that handler's failure.
func (c *calls) invoke(ctx context.Context, lease Lease, h *Handler, event *Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.config.Log.ErrorContext(ctx, "a handler panicked", "handler", h.Name, "stack", string(debug.Stack()))
			err = fmt.Errorf("workers: handler %s panicked: %v", h.Name, r) //nolint:err113 // the panic is the cause
		}
	}()
	if h.External != nil {
		return h.External(ctx, *event)
	}
	return c.source.Apply(ctx, lease, *h, *event)
}
