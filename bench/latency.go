package bench

import (
	"context"
	"fmt"
)

const (
	latencyP50  = "latency: commit to acknowledged, p50"
	latencyP99  = "latency: commit to acknowledged, p99"
	latencyRate = "latency: rate that was reached"
)

func latencyScenario() scenario {
	return scenario{
		name: "latency",
		conditions: func(p plan) []string {
			return []string{fmt.Sprintf("%d events/s through the application service for %s, by all tenants in turns, with "+
				"nothing else to do, from the return of the commit to the broker's acknowledgement; one event of each tenant "+
				"before is not counted; no inbox rows are written", p.rate, p.duration)}
		},
		round: latencyRound,
	}
}

// latencyRound commits at a steady rate while the pool publishes to JetStream.
func latencyRound(ctx context.Context, l *lab) error {
	if err := l.reset(ctx, l.tenants, 0, 0); err != nil {
		return err
	}
	steady := load{l.tenants, l.plan.rate, l.plan.duration, len(l.tenants)}
	found, err := l.measured(ctx, pool, target{publisher: l.jetStream()}, steady, most)
	if err != nil {
		return err
	}
	if found.missing > 0 {
		return fmt.Errorf("bench: %d of %d events were not published within %s", found.missing, len(found.sorted), most)
	}
	l.add(latencyP50, "ms", percentile(found.sorted, 0.5))
	l.add(latencyP99, "ms", percentile(found.sorted, 0.99))
	l.add(latencyRate, "events/s", found.rate)
	return nil
}
