package simulate

import (
	"container/heap"
	"time"

	"github.com/tenantry/tenantry/workers"
)

// Policy is a way to decide whose turn it is.
type Policy string

// The policies that can be compared.
const (
	// Fair is the pool's own: deficit round robin by time.
	Fair Policy = "fair turns"
	// RoundRobin gives each tenant a batch of 100 events in turns, whatever they cost.
	RoundRobin Policy = "round robin by events"
	// FIFO gives the tenant with the oldest event a batch of 100.
	FIFO Policy = "first in, first out"
)

// Policies are all of them.
func Policies() []Policy { return []Policy{Fair, RoundRobin, FIFO} }

// countedBatch is how many events a turn is long that is not measured in time.
const countedBatch = 100

// schedule decides whose turn it is.
type schedule interface {
	ready(t *tenant)
	next() (*tenant, limit, bool)
	done(t *tenant, used time.Duration, more bool)
}

func (p Policy) schedule(load Load) schedule {
	switch p {
	case RoundRobin:
		return &ring{}
	case FIFO:
		return &oldest{}
	case Fair:
	}
	return &fair{turns: workers.NewTurns(load.Quantum), tenants: map[string]*tenant{}}
}

// fair is the pool's schedule.
type fair struct {
	turns   *workers.Turns
	tenants map[string]*tenant
}

func (f *fair) ready(t *tenant) {
	f.tenants[t.id] = t
	f.turns.Ready(t.id, 1)
}

func (f *fair) next() (*tenant, limit, bool) {
	id, budget, ok := f.turns.Next()
	return f.tenants[id], limit{budget: budget}, ok
}

func (f *fair) done(t *tenant, used time.Duration, more bool) { f.turns.Done(t.id, used, more) }

// ring serves one after the other.
type ring struct{ waiting []*tenant }

func (r *ring) ready(t *tenant) { r.waiting = append(r.waiting, t) }

func (r *ring) next() (*tenant, limit, bool) {
	if len(r.waiting) == 0 {
		return nil, limit{}, false
	}
	t := r.waiting[0]
	r.waiting = r.waiting[1:]
	return t, limit{events: countedBatch}, true
}

func (r *ring) done(t *tenant, _ time.Duration, more bool) {
	if more {
		r.ready(t)
	}
}

// oldest serves whose first event is the oldest.
type oldest struct{ waiting byHead }

func (o *oldest) ready(t *tenant) { heap.Push(&o.waiting, t) }

func (o *oldest) next() (*tenant, limit, bool) {
	if len(o.waiting) == 0 {
		return nil, limit{}, false
	}
	return heap.Pop(&o.waiting).(*tenant), limit{events: countedBatch}, true //nolint:forcetypeassert // nothing else
}

func (o *oldest) done(t *tenant, _ time.Duration, more bool) {
	if more {
		o.ready(t)
	}
}

type byHead []*tenant

func (b *byHead) Len() int           { return len(*b) }
func (b *byHead) Less(i, j int) bool { return (*b)[i].head() < (*b)[j].head() }
func (b *byHead) Swap(i, j int)      { (*b)[i], (*b)[j] = (*b)[j], (*b)[i] }
func (b *byHead) Push(x any)         { *b = append(*b, x.(*tenant)) } //nolint:forcetypeassert // only ready pushes
func (b *byHead) Pop() any {
	last := len(*b) - 1
	x := (*b)[last]
	*b = (*b)[:last]
	return x
}
