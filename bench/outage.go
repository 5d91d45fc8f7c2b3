package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	outageLost     = "outage: events lost"
	outageSpent    = "outage: attempts spent"
	outageRepeats  = "outage: events in the stream beyond those committed"
	outageBefore   = "outage: speed before"
	outageRecovery = "outage: back to 90 % of the speed before"
	outageDrained  = "outage: backlog drained"
	outageBacklog  = "outage: backlog when the broker was back"
)

const (
	// speedWindow is what a speed is measured over.
	speedWindow = 500 * time.Millisecond
	// outageTail is how many times as long as before the outage the load runs on after it.
	outageTail = 3
)

func outageScenario() scenario {
	return scenario{
		name: "outage", once: true,
		conditions: func(p plan) []string {
			return []string{
				fmt.Sprintf("once, at the largest count of tenants: %d events/s through the application service all the time, "+
					"published by a process of `tenantry worker` with default settings; the broker stops after %s and is started "+
					"again %s later", p.rate, 2*p.settle(), p.outage),
				fmt.Sprintf("the speed is what arrives in the stream within %s, and drained is when all that was committed until "+
					"then is there; both count from the moment that the broker takes connections again", speedWindow),
				"lost is what was committed and is not in the stream at the end; no inbox rows are written",
			}
		},
		round: outageRound,
	}
}

func outageRound(ctx context.Context, l *lab) error {
	if err := l.reset(ctx, l.tenants, 0, 0); err != nil {
		return err
	}
	_, stop, err := l.startWorkers(ctx, 1)
	if err != nil {
		return err
	}
	steady := load{among: l.tenants, perSecond: l.plan.rate, duration: l.plan.outage + (2+outageTail)*l.plan.settle()}
	loading := make(chan error, 1)
	var commits []commit
	go func() {
		var err error
		commits, err = steady.commit(ctx, l.world)
		loading <- err
	}()
	err = l.interrupt(ctx)
	if loadErr := <-loading; err == nil {
		err = loadErr
	}
	if err == nil {
		err = l.countLost(ctx, len(commits))
	}
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	return err
}

// interrupt takes the broker away and measures how everything comes back.
func (l *lab) interrupt(ctx context.Context) error {
	before, err := l.speedBefore(ctx)
	if err != nil {
		return err
	}
	address, err := l.brokerAddress()
	if err != nil {
		return err
	}
	arrived, err := l.published(ctx)
	if err != nil {
		return err
	}
	l.broker.Stop()
	if err := sleepUntil(ctx, time.Now().Add(l.plan.outage)); err != nil {
		return err
	}
	if err := l.startBroker(address); err != nil {
		return err
	}
	back := time.Now()
	waiting, err := l.backlog(ctx, l.tenants)
	if err != nil {
		return err
	}
	l.add(outageBacklog, "events", float64(waiting))
	return l.recovery(ctx, sample{back, arrived}, before)
}

// speedBefore is what arrives per second while all is well.
func (l *lab) speedBefore(ctx context.Context) (float64, error) {
	until := time.Now().Add(2 * l.plan.settle())
	samples, err := l.watch(ctx, func([]sample) bool { return time.Now().After(until) })
	if err != nil {
		return 0, err
	}
	half := samples[len(samples)/2:]
	before := rate(half[0], half[len(half)-1])
	l.add(outageBefore, "events/s", before)
	return before, nil
}

// recovery waits until the stream grows as fast as before, and until it has caught up.
func (l *lab) recovery(ctx context.Context, back sample, before float64) error {
	var recovered, drained time.Duration
	_, err := l.watch(ctx, func(all []sample) bool {
		now := all[len(all)-1]
		from := windowStart(back, all)
		if recovered == 0 && now.at.Sub(from.at) >= speedWindow && rate(from, now) >= 0.9*before {
			recovered = now.at.Sub(back.at)
		}
		if recovered == 0 {
			return false
		}
		left, err := l.backlog(ctx, l.tenants)
		if err == nil && float64(left) <= before*speedWindow.Seconds() { // what is on its way anyway
			drained = time.Since(back.at)
		}
		return drained > 0
	})
	if err != nil {
		return err
	}
	if drained == 0 {
		return fmt.Errorf("bench: %s after the broker was back its backlog was not drained", most)
	}
	l.add(outageRecovery, "s", recovered.Seconds())
	l.add(outageDrained, "s", drained.Seconds())
	return nil
}

// windowStart is the youngest sample that is old enough to measure a speed from.
func windowStart(first sample, all []sample) sample {
	from := first
	for _, s := range all {
		if all[len(all)-1].at.Sub(s.at) >= speedWindow {
			from = s
		}
	}
	return from
}

// countLost compares what was committed with what is in the stream, after everything had its time.
func (l *lab) countLost(ctx context.Context, committed int) error {
	samples, err := l.watch(ctx, func(all []sample) bool { return all[len(all)-1].events >= committed })
	if err != nil {
		return err
	}
	arrived := samples[len(samples)-1].events
	l.add(outageLost, "events", float64(max(committed-arrived, 0)))
	l.add(outageRepeats, "events", float64(max(arrived-committed, 0)))
	spent, err := l.attemptsSpent(ctx)
	l.add(outageSpent, "attempts", float64(spent))
	return err
}

// attemptsSpent are those of deliveries that the outage caused, and of messages beyond their first.
func (l *lab) attemptsSpent(ctx context.Context) (total int, err error) {
	for _, t := range l.tenants {
		var n int
		err := l.owner.QueryRow(ctx, fmt.Sprintf(`select
			(select coalesce(sum(attempts), 0) from %[1]s.deliveries) +
			(select coalesce(sum(greatest(attempts - 1, 0)), 0) from %[1]s.outbox_messages)`, t.SchemaName)).Scan(&n)
		if err != nil {
			return 0, fmt.Errorf("count attempts: %w", err)
		}
		total += n
	}
	return total, nil
}
