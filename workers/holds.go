package workers

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

var (
	// errPaused means that an operator paused the handler.
	errPaused = errors.New("workers: the handler is paused")
	// errAway means that the handler's destination is away, and somebody has noticed before.
	errAway = errors.New("workers: the handler's destination is away")
)

// noAttempt reports whether an error spends no attempt: the handler was not called at all, or its
// destination is away. What it should have got stays due, and the tenant is woken when it can be tried.
func noAttempt(err error) bool {
	return errors.Is(err, errPaused) || errors.Is(err, errAway) || errors.Is(err, errBusy) || errors.Is(err, ErrOutage)
}

// holds are the handlers that get nothing at the moment, because an operator paused them, their
// destination is away, or no place is free; and the tenants that have something for them and are woken when
// that ends. What a lost wake-up would leave behind the sweep finds.
type holds struct {
	broker       *destination
	destinations map[string]*destination // by handler
	waiting      map[string]*line        // by handler
	full         func(handler string) bool
	paused       atomic.Pointer[map[string]struct{}]
	wake         func(tenantID string) (woke bool)
}

func newHolds(config Config, calls *calls, metrics *Metrics, wake func(tenantID string) bool) *holds {
	handlers := calls.byName
	h := &holds{
		broker:       newDestination(BrokerName, config, metrics),
		destinations: make(map[string]*destination, len(handlers)),
		waiting:      make(map[string]*line, len(handlers)),
		full:         calls.full,
		wake:         wake,
	}
	h.paused.Store(&map[string]struct{}{})
	byName := make(map[string]*destination)
	sharing := make(map[string][]string)
	for name, handler := range handlers {
		sharing[handler.Destination] = append(sharing[handler.Destination], name)
		h.waiting[name] = &line{known: make(map[string]struct{})}
	}
	for name, handler := range handlers {
		d := byName[handler.Destination]
		if d == nil {
			d = newDestination(handler.Destination, config, metrics)
			d.onBack = func() { h.end(sharing[handler.Destination]) }
			var tries atomic.Int64
			d.onWorthATry = func() bool { return h.wakeOne(sharing[handler.Destination], int(tries.Add(1))) }
			byName[handler.Destination] = d
		}
		h.destinations[name] = d
	}
	return h
}

// reason says why a handler gets nothing now; nil when it does.
func (h *holds) reason(handler string) error {
	if _, paused := (*h.paused.Load())[handler]; paused {
		return errPaused
	}
	if h.destinations[handler].away() {
		return errAway
	}
	return nil
}

// hold says why a handler gets nothing now, and sees to it that the tenant is woken when it does again.
// The second look is for a hold that ended before the tenant was noted. Only who has met a handler without
// a free place waits for one: the others may try.
func (h *holds) hold(handler, tenantID string) error {
	if h.full(handler) && h.waiting[handler].has(tenantID) {
		return errBusy
	}
	if h.reason(handler) == nil {
		return nil
	}
	h.join(handler, tenantID)
	return h.reason(handler)
}

// join notes that a tenant waits for a handler, behind those that wait already. When its destination is
// away they are woken one by one.
func (h *holds) join(handler, tenantID string) {
	h.waiting[handler].join(tenantID)
	h.destinations[handler].awaited()
}

// enter asks whether a handler may be called now. After a nil its destination waits for what came of it.
func (h *holds) enter(handler, tenantID string) error {
	for {
		if err := h.hold(handler, tenantID); err != nil {
			return err
		}
		if h.destinations[handler].try() {
			return nil
		}
	}
}

// held are the handlers whose due deliveries are left where they are, for now.
func (h *holds) held(tenantID string) []string {
	names := slices.Collect(maps.Keys(*h.paused.Load()))
	for name := range h.destinations {
		if h.hold(name, tenantID) != nil {
			names = append(names, name)
		}
	}
	if h.broker.away() {
		names = append(names, BrokerName)
	}
	return names
}

// setPaused takes the paused handlers, and wakes whoever waits for one that is not paused any more.
func (h *holds) setPaused(names []string) (changed bool) {
	now := make(map[string]struct{}, len(names))
	for _, name := range names {
		now[name] = struct{}{}
	}
	before := *h.paused.Swap(&now)
	for name := range before {
		if _, still := now[name]; !still {
			h.end([]string{name})
		}
	}
	return !maps.Equal(before, now)
}

// end wakes all who wait for the handlers.
func (h *holds) end(handlers []string) {
	for _, name := range handlers {
		l := h.waiting[name]
		if l == nil {
			continue // not a handler of this program
		}
		for _, id := range l.leave(-1) {
			h.wake(id)
		}
	}
}

// awaitPlace has the tenant woken when the handler has a place free again, which may be already.
func (h *holds) awaitPlace(handler, tenantID string) {
	h.waiting[handler].join(tenantID)
	if !h.full(handler) {
		h.placeFree(handler)
	}
}

// placeFree wakes the first who waits, because there is room for one.
func (h *holds) placeFree(handler string) { h.wakeOne([]string{handler}, 0) }

// wakeOne wakes the first who waits for one of the handlers, asked in turns, and can come now: not one whose
// lease is gone, or who is paused. It reports whether there was one.
func (h *holds) wakeOne(handlers []string, first int) bool {
	for i := range handlers {
		name := handlers[(first+i)%len(handlers)]
		for left := h.waiting[name].leave(1); len(left) > 0; left = h.waiting[name].leave(1) {
			if h.wake(left[0]) {
				return true
			}
		}
	}
	return false
}

// line is tenants that wait, each once, the first in front.
type line struct {
	length atomic.Int64 // so that nobody takes the lock to find it empty

	mu    sync.Mutex
	ids   []string
	known map[string]struct{}
}

func (l *line) join(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[id]; ok {
		return
	}
	l.known[id] = struct{}{}
	l.ids = append(l.ids, id)
	l.length.Store(int64(len(l.ids)))
}

func (l *line) has(id string) bool {
	if l.length.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.known[id]
	return ok
}

// leave takes so many from the front, or all when it is negative.
func (l *line) leave(most int) []string {
	if l.length.Load() == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if most < 0 || most > len(l.ids) {
		most = len(l.ids)
	}
	left := slices.Clone(l.ids[:most])
	l.ids = append(l.ids[:0], l.ids[most:]...)
	for _, id := range left {
		delete(l.known, id)
	}
	l.length.Store(int64(len(l.ids)))
	return left
}
