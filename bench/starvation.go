package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/workers"
)

const (
	neighbourP50  = "starvation: behind one neighbour, p50"
	neighbourP99  = "starvation: behind one neighbour, p99"
	neighbourLeft = "starvation: the neighbour's backlog at the end"
	allP50        = "starvation: behind all others, p50"
	allP99        = "starvation: behind all others, p99"
	allBound      = "starvation: behind all others, the stated bound"
	byPollAll     = ", by poll-all"
	byFIFO        = ", by first in, first out"
	inTime        = "starvation: published in time"
)

const (
	// probes is how many tenants with one event now and then there are beside those with a backlog.
	probes = 10
	// probeRate is how many such events come in a second.
	probeRate = 50
	// costly is how long a handler takes where all tenants have a backlog, so that each uses all of its turn.
	costly = time.Millisecond
	// The pool's defaults, as the bound has them.
	poolSlots   = 8
	poolQuantum = 10 * time.Millisecond
)

func starvationScenario() scenario {
	return scenario{
		name: "starvation", spare: probes,
		conditions: func(p plan) []string {
			return []string{
				fmt.Sprintf("%d other tenants commit %d events/s in turns, from the return of the commit to the acknowledgement; "+
					"what was not published %s after the last commit is not waited for, and its time is until then",
					probes, probeRate, p.settle()),
				fmt.Sprintf("behind one neighbour: one tenant has %d events, which go to JetStream as fast as they can", p.neighbour),
				fmt.Sprintf("behind all others: each of the tenants has a backlog that outlasts the measurement, a handler that "+
					"takes %s for every event, and a broker that takes everything at once", costly),
				fmt.Sprintf("the stated bound is tenants x quantum / slots + the longest batch, with %s, %d slots, and the "+
					"longest that a batch took in this run, from its read to its completion", poolQuantum, poolSlots),
				"no inbox rows are written",
			}
		},
		round: func(ctx context.Context, l *lab) error {
			if err := l.behindOne(ctx); err != nil {
				return err
			}
			return l.behindAll(ctx)
		},
	}
}

// rivals are measured under the same load; each name begins with the pool's.
func rivals() []struct {
	suffix  string
	publish way
} {
	return []struct {
		suffix  string
		publish way
	}{{"", pool}, {byPollAll, pollAll}, {byFIFO, firstInFirstOut}}
}

// behindOne measures the others while one tenant has a huge backlog.
func (l *lab) behindOne(ctx context.Context) error {
	neighbour := l.tenants[:1]
	for _, rival := range rivals() {
		if err := l.reset(ctx, neighbour, 0, l.plan.neighbour); err != nil {
			return err
		}
		found, err := l.probe(ctx, rival.publish, target{publisher: l.jetStream()})
		if err != nil {
			return err
		}
		left, err := l.backlog(ctx, neighbour)
		if err != nil {
			return err
		}
		l.starved(neighbourP50, neighbourP99, rival.suffix, ", behind one neighbour", found)
		l.add(neighbourLeft+rival.suffix, "events", float64(left))
	}
	return nil
}

// behindAll measures the others while every tenant has a backlog, and the handlers take time.
func (l *lab) behindAll(ctx context.Context) error {
	lasting := l.plan.duration + l.plan.settle()
	each := int(lasting/costly)*poolSlots/len(l.tenants) + poolSlots
	for _, rival := range rivals() {
		if err := l.reset(ctx, l.tenants, 0, each); err != nil {
			return err
		}
		watched := newMeter(l.source(), 0)
		publish := rival.publish
		if rival.suffix == "" {
			publish = watched.pool
		}
		found, err := l.probe(ctx, publish, target{publisher: accepting{}, handler: external(slow)})
		if err != nil {
			return err
		}
		l.starved(allP50, allP99, rival.suffix, ", behind all others", found)
		if rival.suffix == "" {
			bound := time.Duration(len(l.tenants))*poolQuantum/poolSlots + watched.longestBatch()
			l.add(allBound, "ms", milliseconds(bound))
		}
	}
	return nil
}

// slow is a handler that waits, as one that calls out does.
func slow(ctx context.Context, _ workers.Event) error { return sleepUntil(ctx, time.Now().Add(costly)) }

func (l *lab) probe(ctx context.Context, publish way, t target) (timed, error) {
	return l.measured(ctx, publish, t, load{l.spares, probeRate, l.plan.duration, 0}, l.plan.settle())
}

func (l *lab) starved(p50, p99, suffix, where string, found timed) {
	beside50, beside99 := p50, p99
	if suffix == "" {
		beside50, beside99 = "", ""
	}
	l.compare(p50+suffix, "ms", beside50, percentile(found.sorted, 0.5))
	l.compare(p99+suffix, "ms", beside99, percentile(found.sorted, 0.99))
	published := float64(len(found.sorted)-found.missing) / float64(len(found.sorted))
	l.add(inTime+where+suffix, "%", 100*published)
}
