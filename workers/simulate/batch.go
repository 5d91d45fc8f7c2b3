package simulate

import (
	"container/heap"
	"time"
)

// What the pool does, too: how many events it reads while it does not know what one costs, at most, and
// how many quanta beyond its budget a turn begins nothing more.
const (
	firstBatch = 64
	mostEvents = 500
	overrun    = 10
)

// limit is how much may be done in a turn: for how long, or how many events.
type limit struct {
	budget time.Duration
	events int
}

// batch works on a batch of the tenant's events, which ends later. used is what the turn took so far.
func (r *run) batch(t *tenant, limit limit, used time.Duration) {
	want := min(r.want(t, limit), t.has())
	took := r.load.Batch
	events := 0
	hangs := t.hangs && r.hanging < r.load.Slots/2
	if hangs {
		r.hanging++
	}
	for events < want {
		took += r.price(t, hangs)
		events++
		if limit.events == 0 && used+took > limit.budget+overrun*r.load.Quantum {
			break
		}
	}
	r.measured.batch(t, r.now, took)
	r.calendar.add(r.now+took, func() {
		if hangs {
			r.hanging--
		}
		r.publish(t, events, took)
		r.after(t, limit, used+took)
	})
}

// want is how many events to read.
func (r *run) want(t *tenant, limit limit) int {
	switch {
	case limit.events > 0:
		return limit.events
	case t.learned > 0:
		return min(int(max(limit.budget, r.load.Quantum)/t.learned)+1, mostEvents)
	default:
		return firstBatch
	}
}

// price is what one event costs: half as much as the average up to half as much again. The handler that
// hangs may have half of the slots, as every handler in the pool; beyond that it is waited for a quantum.
func (r *run) price(t *tenant, hangs bool) time.Duration {
	switch {
	case hangs:
		return r.load.HangFor
	case t.hangs:
		return r.load.Quantum
	}
	return time.Duration((0.5 + r.costs.Float64()) * float64(t.cost))
}

func (r *run) publish(t *tenant, events int, took time.Duration) {
	cost := (took - r.load.Batch) / time.Duration(events)
	if t.learned > 0 {
		cost = (3*t.learned + cost) / 4
	}
	t.learned = cost
	t.taken += events
	if t.endless {
		return
	}
	for _, committed := range t.queue[:events] {
		r.measured.published(t, r.now-committed)
	}
	t.queue = t.queue[events:]
}

// after goes on with the turn, or ends it.
func (r *run) after(t *tenant, limit limit, used time.Duration) {
	more := t.has() > 0
	if more && limit.events == 0 && used < limit.budget {
		r.batch(t, limit, used)
		return
	}
	r.free++
	if !more {
		t.busy = false
		r.measured.active(-1)
	}
	r.schedule.done(t, used, more)
}

// calendar is what will happen, in the order of time.
type calendar struct {
	entries entries
	added   int
}

// entry happens at a time, after what was added before for the same time.
type entry struct {
	at    time.Duration
	order int
	what  func()
}

func (c *calendar) add(at time.Duration, what func()) {
	c.added++
	heap.Push(&c.entries, entry{at, c.added, what})
}

func (c *calendar) next() (at time.Duration, what func(), ok bool) {
	if len(c.entries) == 0 {
		return 0, nil, false
	}
	e := heap.Pop(&c.entries).(entry) //nolint:forcetypeassert // there is nothing else in it
	return e.at, e.what, true
}

type entries []entry

func (e *entries) Len() int { return len(*e) }
func (e *entries) Less(i, j int) bool {
	a, b := (*e)[i], (*e)[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}
func (e *entries) Swap(i, j int) { (*e)[i], (*e)[j] = (*e)[j], (*e)[i] }
func (e *entries) Push(x any)    { *e = append(*e, x.(entry)) } //nolint:forcetypeassert // only add pushes
func (e *entries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
