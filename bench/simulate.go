package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/workers/simulate"
)

func simulateScenario() scenario {
	return scenario{
		name: "simulate", virtual: true,
		conditions: func(plan) []string { return simulationConditions() },
		round: func(_ context.Context, l *lab) error {
			for _, m := range simulated(len(l.tenants)) {
				l.report.add(m, m.Median)
			}
			return nil
		},
	}
}

// simulated is what the schedule does for so many tenants with a backlog in virtual time, and beside it what
// others would do under the same load. The machine has no part in it.
func simulated(tenants int) []measurement {
	load := simulate.Mixed(tenants, 1)
	var all []measurement
	for _, policy := range simulate.Policies() {
		r := simulate.Run(load, policy)
		add := func(name, unit string, value float64) {
			if policy != simulate.Fair {
				name += ", by " + string(policy)
			}
			all = append(all, measurement{Name: name, Unit: unit, Tenants: tenants, Median: value})
		}
		addTime := func(name string, d time.Duration) { add(name, "ms", float64(d.Microseconds())/1000) }
		addTime("simulate: one event behind the backlogs, p50", r.Single.P50)
		addTime("simulate: one event behind the backlogs, p99", r.Single.P99)
		addTime("simulate: one event behind the backlogs, longest", r.Single.Longest)
		add("simulate: such events not published at the end", "events", float64(r.Single.Unserved))
		if policy == simulate.Fair {
			addTime("simulate: the stated bound", r.Bound)
		}
		add("simulate: Jain's index over 10 rounds, worst window", "index", r.JainWorst)
		add("simulate: Jain's index over 10 rounds, median window", "index", r.JainMedian)
	}
	return all
}

// simulationConditions say what is simulated.
func simulationConditions() []string {
	l := simulate.Mixed(1, 1).WithDefaults()
	return []string{
		fmt.Sprintf("virtual time, %d slots, a quantum of %s; a batch costs %s and an event %s to %s, by tenant; "+
			"one of 100 tenants with a backlog hangs for %s with each event; beside them %d tenants with one event each, "+
			"and others that come and go (Zipf)",
			l.Slots, l.Quantum, l.Batch, l.Cheapest, l.Dearest, l.HangFor, l.Single),
		"the stated bound is tenants with work x quantum / slots + the longest batch; an event that was not published " +
			"counts with what it had waited at the end",
	}
}
