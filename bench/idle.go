package bench

import (
	"context"
	"fmt"
	"os"
	"time"
)

func idleScenario() scenario {
	return scenario{
		name: "idle",
		conditions: func(p plan) []string {
			return []string{
				fmt.Sprintf("no tenant has anything to do; a process of `tenantry worker` with default settings, %s and %s for "+
					"each tenant after its start, for %s", p.settle(), perTenant, idleTime(p)),
				fmt.Sprintf("beside it poll-all, which looks at every tenant with a query of its own and then pauses for %s, in "+
					"the process of the benchmark, which holds the broker too", pollPause),
				"connections are the most that were seen at one time; a query by itself is a transaction; no inbox rows are written",
			}
		},
		round: idleRound,
	}
}

// perTenant is more than enough for the first look into a tenant.
const perTenant = 2 * time.Millisecond

// idleTime is long enough for several sweeps, whose pause is at most two seconds.
func idleTime(p plan) time.Duration { return 2 * p.duration }

func idleRound(ctx context.Context, l *lab) error {
	if err := l.reset(ctx, nil, 0, 0); err != nil {
		return err
	}
	processes, stop, err := l.startWorkers(ctx, 1)
	if err != nil {
		return err
	}
	ours, err := l.idling(ctx, processes[0].pid(), workerApplication)
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	run, err := pollAll(ctx, l, target{publisher: accepting{}})
	if err != nil {
		return err
	}
	polling := start(ctx, run)
	theirs, err := l.idling(ctx, os.Getpid(), bareApplication)
	if stopErr := polling.wait(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	l.noteUsage(byPollAll, theirs)
	l.noteUsage("", ours)
	return nil
}

func (l *lab) idling(ctx context.Context, pid int, application string) (usage, error) {
	if err := sleepUntil(ctx, time.Now().Add(l.plan.settle()+time.Duration(len(l.tenants))*perTenant)); err != nil {
		return usage{}, err
	}
	return l.observe(ctx, pid, application, idleTime(l.plan))
}

// noteUsage names the pool's usage beside that of poll-all.
func (l *lab) noteUsage(suffix string, u usage) {
	note := func(name, unit string, value float64) {
		beside := ""
		if suffix == "" {
			beside = name + byPollAll
		}
		l.compare(name+suffix, unit, beside, value)
	}
	if u.known {
		note("idle: CPU of the worker", "% of a core", u.process)
		note("idle: CPU of PostgreSQL", "% of a core", u.postgres)
	} else {
		l.report.condition("idle: this system does not tell what CPU time other processes use")
	}
	note("idle: connections", "connections", float64(u.connections))
	note("idle: transactions", "transactions/s", u.transactions)
}
