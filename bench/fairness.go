package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/workers"
)

const (
	fairnessIndex = "fairness: Jain's index of service time"
	fairnessWorst = "fairness: Jain's index of the worst window"
)

const (
	// windowRounds is how many quanta each tenant has in a window.
	windowRounds = 10
	// fairSkipped windows of the pool come before, in which it takes its leases, learns what events take,
	// and tenants pay off what they used too much until then.
	fairSkipped = 2
	// fairWindows of the pool are measured.
	fairWindows = 2
	// cheapest is the least that an event takes, and dearest how many times as much the most.
	cheapest = 2 * time.Millisecond
	dearest  = 10
)

func fairnessScenario() scenario {
	return scenario{
		name: "fairness",
		conditions: func(plan) []string {
			return []string{
				fmt.Sprintf("every tenant has a backlog that outlasts the measurement, and a handler that takes %s to %s for an "+
					"event, another time for each tenant", cheapest, cheapest*dearest),
				fmt.Sprintf("service time is what the pool charges: reading, handling and completing; of the baselines the "+
					"handler alone. A window is over when all tenants together were served for %d quanta of %s each; the pool's "+
					"first %d are left out, and its figure is the median of the next %d; of the baselines it is the first window",
					windowRounds, poolQuantum, fairSkipped, fairWindows),
				"no inbox rows are written",
			}
		},
		round: fairnessRound,
	}
}

func fairnessRound(ctx context.Context, l *lab) error {
	window := time.Duration(len(l.tenants)) * windowRounds * poolQuantum
	// As much as the cheapest tenant could handle in all windows and one more.
	each := int((fairSkipped + fairWindows + 1) * windowRounds * poolQuantum / cheapest)
	costs := make(map[string]time.Duration, len(l.tenants))
	for i, t := range l.tenants {
		costs[t.ID] = cheapest * time.Duration(1+i%dearest)
	}
	wait := func(ctx context.Context, e workers.Event) error {
		return sleepUntil(ctx, time.Now().Add(costs[e.TenantID]))
	}
	for _, rival := range rivals() {
		if err := l.reset(ctx, l.tenants, 0, each); err != nil {
			return err
		}
		m := newMeter(l.source(), window)
		publish, skip, windows := rival.publish, 0, 1
		if rival.suffix == "" {
			publish, skip, windows = m.pool, fairSkipped, fairSkipped+fairWindows
		}
		if err := l.serve(ctx, m, windows, publish, target{publisher: accepting{}, handler: m.handler(wait)}); err != nil {
			return err
		}
		l.judge(m.over(), skip, rival.suffix)
	}
	return nil
}

// serve publishes until so many windows are over, but not for too long.
func (l *lab) serve(ctx context.Context, m *meter, windows int, publish way, t target) error {
	run, err := publish(ctx, l, t)
	if err != nil {
		return err
	}
	stop := start(ctx, run)
	for deadline := time.Now().Add(most); len(m.over()) < windows && time.Now().Before(deadline); {
		select {
		case <-stop.ended:
			return stop.wait()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return stop.wait()
}

// judge notes Jain's index over all tenants, also those that were not served at all.
func (l *lab) judge(windows []map[string]time.Duration, skip int, suffix string) {
	if len(windows) <= skip {
		l.report.condition(fmt.Sprintf("fairness%s: no window of %d tenants was over within %s", suffix, len(l.tenants), most))
		return
	}
	var indexes []float64
	for _, w := range windows[skip:] {
		shares := make([]float64, len(l.tenants))
		for i, t := range l.tenants {
			shares[i] = w[t.ID].Seconds()
		}
		indexes = append(indexes, jain(shares))
	}
	beside := ""
	if suffix != "" {
		beside = fairnessIndex
	}
	l.compare(fairnessIndex+suffix, "index", beside, median(indexes))
	l.add(fairnessWorst+suffix, "index", slices.Min(indexes))
}
