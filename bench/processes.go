package bench

import (
	"context"
	"fmt"
)

func processesScenario() scenario {
	return scenario{
		name: "processes",
		conditions: func(plan) []string {
			return []string{fmt.Sprintf("1, 2 and 4 processes of `tenantry worker` with default settings share the backlog of a "+
				"drain, to JetStream; the speed is that between a tenth and nine tenths of the events in the stream, so that "+
				"starts do not count; no inbox rows are written; what takes more than %s is not waited for", most)}
		},
		round: func(ctx context.Context, l *lab) error {
			for _, n := range []int{1, 2, 4} {
				rate, err := l.drainByProcesses(ctx, n)
				if err != nil {
					return err
				}
				beside := ""
				if n > 1 {
					beside = processDrain(1)
				}
				l.compare(processDrain(n), "events/s", beside, rate)
			}
			return nil
		},
	}
}

func processDrain(n int) string {
	if n == 1 {
		return "processes: drain with 1 worker"
	}
	return fmt.Sprintf("processes: drain with %d workers", n)
}

func (l *lab) drainByProcesses(ctx context.Context, n int) (float64, error) {
	each := l.plan.backlog(len(l.tenants))
	if err := l.reset(ctx, l.tenants, each, each); err != nil {
		return 0, err
	}
	_, stop, err := l.startWorkers(ctx, n)
	if err != nil {
		return 0, err
	}
	total := each * len(l.tenants)
	samples, err := l.watch(ctx, func(all []sample) bool { return all[len(all)-1].events >= total })
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	return middleRate(samples, total), err
}

// middleRate is the speed from a tenth to nine tenths of a total, as near as the samples are.
func middleRate(samples []sample, total int) float64 {
	if len(samples) < 2 {
		return 0
	}
	from, to := samples[0], samples[len(samples)-1]
	for _, s := range samples {
		if s.events <= total/10 {
			from = s
		}
	}
	for i := len(samples) - 1; i > 0 && samples[i].events >= total*9/10; i-- {
		to = samples[i]
	}
	return rate(from, to)
}
