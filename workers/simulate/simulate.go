// Package simulate runs the schedule of the worker pool in virtual time: thousands of tenants, minutes of
// load, in less than a second and the same for each seed.
//
// It uses the pool's own [workers.Turns], and beside it what a pool without such a schedule would do under
// the same load: first in, first out, and round robin by number of events. What it leaves out is all that
// is not about whose turn it is: databases, brokers, processes, borrowed slots.
package simulate

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Load is what there is to do. The zero value of a field means its default; counts may be zero.
type Load struct {
	// Seed makes costs and arrivals: the same seed, the same load.
	Seed uint64
	// Time is how long it lasts, virtually. Default 60 s.
	Time time.Duration
	// Slots is how many turns run at one time. Default 8, as the pool's.
	Slots int
	// Quantum is what a tenant may use in a round. Default 10 ms, as the pool's.
	Quantum time.Duration

	// Backlogged tenants have more events than can be published in the time.
	Backlogged int
	// Hanging tenants are backlogged, too, and the handler of their events hangs for HangFor.
	Hanging int
	// Single tenants have one event each, some time after the first fifth.
	Single int
	// Casual tenants have events now and then, at random, some much more often than others (Zipf).
	Casual int
	// Rate is how many events a second all casual tenants have together.
	Rate float64
	// Skew is the exponent of Zipf's law, more than 1. Default 1.1.
	Skew float64

	// Cheapest and Dearest bound what a tenant's events cost, each as likely by its order of magnitude.
	// Defaults 50 µs and 10 ms.
	Cheapest, Dearest time.Duration
	// HangFor is how long a call hangs until its timeout. Default 1 s.
	HangFor time.Duration
	// Batch is what a batch costs by itself, its round trips. Default 1 ms.
	Batch time.Duration
}

// Mixed is a load of all kinds, for so many tenants with a backlog: beside them single events, tenants that
// come and go, and one of a hundred that hangs. It lasts twelve rounds of ten, and ten seconds at least.
func Mixed(backlogged int, seed uint64) Load {
	return Load{
		Seed: seed, Time: max(time.Duration(backlogged)*150*time.Millisecond, 10*time.Second),
		Backlogged: backlogged, Hanging: backlogged / 100, Single: 1000, Casual: 2 * backlogged, Rate: 100,
	}
}

// WithDefaults fills in what is not set.
func (l Load) WithDefaults() Load {
	fill(&l.Time, time.Minute)
	fill(&l.Slots, 8)
	fill(&l.Quantum, 10*time.Millisecond)
	fill(&l.Skew, 1.1)
	fill(&l.Cheapest, 50*time.Microsecond)
	fill(&l.Dearest, 10*time.Millisecond)
	fill(&l.HangFor, time.Second)
	fill(&l.Batch, time.Millisecond)
	return l
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Run lets a pool with such a schedule work on such a load.
func Run(load Load, policy Policy) Result {
	load = load.WithDefaults()
	r := &run{
		load: load, schedule: policy.schedule(load), free: load.Slots,
		costs:    rand.New(rand.NewPCG(load.Seed, 1)), //nolint:gosec // it is to be repeatable
		arrivals: rand.New(rand.NewPCG(load.Seed, 2)), //nolint:gosec // it is to be repeatable
	}
	r.people()
	r.measured = newMeasured(load)
	r.begin()
	r.work()
	return r.measured.result(policy, r.tenants)
}

// run is a pool at work.
type run struct {
	load     Load
	schedule schedule
	measured *measured
	costs    *rand.Rand
	arrivals *rand.Rand
	zipf     *rand.Zipf
	tenants  []*tenant // the casual ones first
	calendar calendar
	now      time.Duration
	free     int
	hanging  int // batches that hang
}

// tenant has events, and what they cost.
type tenant struct {
	id      string
	cost    time.Duration   // of an event, on average
	hangs   bool            // its events have a handler that hangs
	endless bool            // its backlog outlasts the time
	queue   []time.Duration // when its events were committed
	taken   int             // of an endless backlog
	learned time.Duration   // what its events cost lately, as the pool knows it
	single  bool            // it has one event
	busy    bool            // waits for its turn, or has it
	waits   []time.Duration // of its events until they were published
	served  []time.Duration // in each window, if it is backlogged and does not hang
}

// backlogAge is since when endless backlogs are there: all that comes is younger.
const backlogAge = -1000 * time.Hour

// head is when the first of its events was committed.
func (t *tenant) head() time.Duration {
	if t.endless {
		return backlogAge + time.Duration(t.taken)*time.Millisecond
	}
	return t.queue[0]
}

func (t *tenant) has() int {
	if t.endless {
		return math.MaxInt
	}
	return len(t.queue)
}

// people makes the tenants.
func (r *run) people() {
	l := r.load
	spread := math.Log(float64(l.Dearest) / float64(l.Cheapest))
	add := func(n int, kind tenant) {
		for range n {
			t := kind
			t.id = strconv.Itoa(len(r.tenants))
			t.cost = time.Duration(float64(l.Cheapest) * math.Exp(spread*r.costs.Float64()))
			r.tenants = append(r.tenants, &t)
		}
	}
	add(l.Casual, tenant{})
	add(l.Single, tenant{single: true})
	add(l.Backlogged, tenant{endless: true})
	add(l.Hanging, tenant{endless: true, hangs: true})
}

// settled is after which part of the time single events come: all backlogs begin at once, and no pool knows
// at first what their events cost.
const settled = 0.2

// begin puts into the calendar what comes, and wakes those who have work from the beginning.
func (r *run) begin() {
	for _, t := range r.tenants {
		switch {
		case t.endless:
			r.wake(t)
		case t.single:
			at := (settled + (1-settled)*r.arrivals.Float64()) * float64(r.load.Time)
			r.calendar.add(time.Duration(at), func() { r.commit(t) })
		}
	}
	if r.load.Casual > 0 && r.load.Rate > 0 {
		r.zipf = rand.NewZipf(r.arrivals, r.load.Skew, 1, uint64(r.load.Casual-1))
		r.arrive()
	}
}

// arrive puts the next event of a casual tenant into the calendar.
func (r *run) arrive() {
	pause := time.Duration(r.arrivals.ExpFloat64() / r.load.Rate * float64(time.Second))
	r.calendar.add(r.now+pause, func() {
		r.commit(r.tenants[r.zipf.Uint64()])
		r.arrive()
	})
}

func (r *run) commit(t *tenant) {
	t.queue = append(t.queue, r.now)
	r.wake(t)
}

func (r *run) wake(t *tenant) {
	if !t.busy {
		t.busy = true
		r.measured.active(1)
		r.schedule.ready(t)
	}
}

// work gives free slots to the tenants whose turn it is, until the time is over.
func (r *run) work() {
	for {
		for r.free > 0 && r.turn() {
			r.free--
		}
		at, what, ok := r.calendar.next()
		if !ok || at > r.load.Time {
			r.now = r.load.Time
			return
		}
		r.now = at
		what()
	}
}

// turn begins the turn of the next tenant.
func (r *run) turn() bool {
	t, limit, ok := r.schedule.next()
	if ok {
		r.batch(t, limit, 0)
	}
	return ok
}
