package chaos

import (
	"fmt"
	"time"
)

// mostExamples is how many cases of one finding are kept for a person to look at.
const mostExamples = 5

// Check is one comparison, and what it found.
type Check struct {
	// What is counted.
	What string `json:"what"`
	// Found is how many there are.
	Found int `json:"found"`
	// MustBeZero says that each one is a defect.
	MustBeZero bool `json:"must_be_zero"`
	// Examples are the first of them.
	Examples []string `json:"examples,omitempty"`
}

// Violated reports whether a defect was found.
func (c *Check) Violated() bool { return c.MustBeZero && c.Found > 0 }

func (c *Check) addf(format string, args ...any) {
	c.Found++
	if len(c.Examples) < mostExamples {
		c.Examples = append(c.Examples, fmt.Sprintf(format, args...))
	}
}

func defect(what string) *Check { return &Check{What: what, MustBeZero: true} }

func counted(what string) *Check { return &Check{What: what} }

// observed is everything that a run has seen.
type observed struct {
	ledger ledger
	// stream is the broker's stream, in its order.
	stream []sighting
	// window is how long the broker knows an event's id.
	window time.Duration
	// effects are what the transactional handler has left in each tenant's schema, in order.
	effects []sighting
	// calls are the external handler's, in the order of their times.
	calls []sighting
}

// compare holds what came against what was committed.
func compare(o observed) []*Check {
	checks := o.ledger.check()
	stream := o.ledger.place("stream", o.stream)
	inWindow := defect("stream: repeated inside the duplicate window")
	o.ledger.repeats(o.stream, func(s sighting, since time.Duration) {
		if since <= o.window {
			inWindow.addf("%s after %s", s.EventID, since)
		}
	})
	checks = append(checks, stream...)
	checks = append(checks, o.ledger.repeated(counted("stream: repeated"), o.stream), inWindow)
	checks = append(checks, o.ledger.place("effects", o.effects)...)
	checks = append(checks, o.ledger.repeated(defect("effects: applied twice"), o.effects))
	checks = append(checks, o.ledger.place("calls", o.calls)...)
	return append(checks, o.ledger.repeated(counted("calls: repeated"), o.calls))
}

// check looks at the tables alone.
func (l ledger) check() []*Check {
	type change struct {
		tenant, aggregate string
		version           int64
	}
	versions := make(map[change]bool, len(l.events))
	unpublished, onboarded := defect("tables: events not published"), make(map[string]int)
	for _, e := range l.events {
		versions[change{e.Tenant, e.Aggregate, e.Version}] = true
		if e.Status != "published" {
			unpublished.addf("%s is %s", e.ID, e.Status)
		}
		if e.Name == "Tenant.onboarded" {
			onboarded[e.Tenant]++
		}
	}
	lost := defect("tables: acknowledged writes that are not there")
	for _, w := range l.writes {
		if !versions[change{w.Tenant, w.Aggregate, w.Version}] {
			lost.addf("%s in version %d of tenant %s", w.Aggregate, w.Version, w.Tenant)
		}
	}
	twice := defect("tables: tenants not onboarded exactly once")
	for tenant, n := range onboarded {
		if n != 1 {
			twice.addf("tenant %s has %d events of it", tenant, n)
		}
	}
	for range l.tenants - len(onboarded) {
		twice.addf("a tenant has no event of it")
	}
	return []*Check{lost, twice, unpublished}
}

// place compares one place to which every event must come. What comes again is not looked at here.
func (l ledger) place(name string, sightings []sighting) []*Check {
	lost, unknown := defect(name+": lost"), defect(name+": of no committed event")
	foreign, disordered := defect(name+": wrong tenant or aggregate"), defect(name+": out of order in their aggregate")
	seen := make(map[string]bool, len(sightings))
	last := make(map[[2]string]event)
	for _, s := range sightings {
		e, committed := l.events[s.EventID]
		if !committed {
			unknown.addf("%s of tenant %s", s.EventID, s.Slug)
			continue
		}
		if !s.shows(e) {
			foreign.addf("%s of tenant %s (%s, %s) came to %s as %s's %s in version %d",
				e.ID, e.Slug, e.Tenant, e.Aggregate, s.Slug, s.Tenant, s.Aggregate, s.Version)
			continue // it did not come to where it belongs
		}
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		key := [2]string{e.Tenant, e.Aggregate}
		if before := last[key]; before.Seq > e.Seq {
			disordered.addf("%s in version %d came after version %d", e.Aggregate, e.Version, before.Version)
			continue
		}
		last[key] = e
	}
	for id, e := range l.events {
		if !seen[id] {
			lost.addf("%s (%s of tenant %s)", id, e.Name, e.Slug)
		}
	}
	return []*Check{lost, unknown, foreign, disordered}
}

// shows reports whether a sighting says of the event what the tables say.
func (s sighting) shows(e event) bool {
	return s.Tenant == e.Tenant && s.Slug == e.Slug && s.Name == e.Name && s.Aggregate == e.Aggregate && s.Version == e.Version
}

// repeated counts what came again.
func (l ledger) repeated(into *Check, sightings []sighting) *Check {
	l.repeats(sightings, func(s sighting, _ time.Duration) { into.addf("%s of tenant %s", s.EventID, s.Slug) })
	return into
}

// repeats calls back with every sighting of an event that had come before, and how long before.
func (ledger) repeats(sightings []sighting, on func(s sighting, since time.Duration)) {
	last := make(map[string]time.Time, len(sightings))
	for _, s := range sightings {
		if before, again := last[s.EventID]; again {
			on(s, s.At.Sub(before))
		}
		last[s.EventID] = s.At
	}
}
