package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// discoveryRate is how many events a second are looked for.
const discoveryRate = 100

func discoveryScenario() scenario {
	return scenario{
		name: "discovery",
		conditions: func(p plan) []string {
			return []string{
				fmt.Sprintf("%d events/s for %s, by all tenants in turns, from the return of the commit to the pool's read of "+
					"the event; one event of each tenant before is not counted, but at most %d; the broker takes everything at "+
					"once", discoveryRate, p.duration, discoveryWarm),
				"hints are the program's own: a message over core NATS after the commit. Signal rows are written in the commit, " +
					"into one table " +
					fmt.Sprintf("that the pool looks into and empties every %s. The sweep looks into the schemas as in the "+
						"default settings, also beside the others", signalEvery),
				fmt.Sprintf("cost to writers: %d writers in a closed loop for %s, while somebody listens and nobody publishes",
					writers, p.duration),
				"idle: transactions of a pool that has nothing to do; no inbox rows are written",
			}
		},
		round: discoveryRound,
	}
}

func discoveryRound(ctx context.Context, l *lab) error {
	if _, err := l.owner.Exec(ctx, signalTable); err != nil {
		return fmt.Errorf("make the table of signals: %w", err)
	}
	for _, c := range l.candidates() {
		if err := l.discoverBy(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (l *lab) discoverBy(ctx context.Context, c candidate) error {
	if err := l.reset(ctx, l.tenants, 0, 0); err != nil {
		return err
	}
	l.written(l.tenants)
	reads := newSightings()
	run, err := l.newPool(lookout{l.source(), reads}, target{publisher: accepting{}}, c.hints)
	if err != nil {
		return err
	}
	stop := start(ctx, run)
	err = l.discover(ctx, c, reads)
	if stopErr := stop.wait(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	speed, err := l.writersBeside(ctx, c)
	l.discovered(c, "writers", "tx/s", speed)
	return err
}

// discovered notes a candidate's figure beside that of the sweep alone.
func (l *lab) discovered(c candidate, what, unit string, value float64) {
	beside := ""
	if c.name != sweepAlone {
		beside = "discovery by " + sweepAlone + ": " + what
	}
	l.compare("discovery by "+c.name+": "+what, unit, beside, value)
}

// discover measures while the pool runs: idle, and with a few events.
func (l *lab) discover(ctx context.Context, c candidate, reads *sightings) error {
	if err := sleepUntil(ctx, time.Now().Add(l.plan.settle())); err != nil {
		return err
	}
	idle, err := l.observe(ctx, 0, "", l.plan.duration)
	if err != nil {
		return err
	}
	l.discovered(c, "idle", "transactions/s", idle.transactions)
	commits, err := l.commitSteadily(ctx, c)
	if err != nil {
		return err
	}
	if err := reads.await(ctx, commits, most); err != nil {
		return err
	}
	times, missing := reads.times(commits)
	if missing > 0 {
		l.report.condition(fmt.Sprintf("discovery by %s: %d of %d events of %d tenants were not found within %s",
			c.name, missing, len(times), len(l.tenants), most))
	}
	l.discovered(c, "commit to read, p50", "ms", percentile(times, 0.5))
	l.discovered(c, "commit to read, p99", "ms", percentile(times, 0.99))
	return nil
}

// writersBeside measures the writers while somebody listens to what they tell, and does nothing about it:
// publishing would cost them the more the better it knows of their work.
func (l *lab) writersBeside(ctx context.Context, c candidate) (float64, error) {
	if c.hints != nil {
		stop, err := c.hints.Subscribe(func(workers.Hint) {})
		if err != nil {
			return 0, err
		}
		defer stop()
	}
	return l.writeClosed(ctx, c)
}

// discoveryWarm bounds the events that are not counted.
const discoveryWarm = 500

// commitSteadily writes at a rate, and returns what is counted.
func (l *lab) commitSteadily(ctx context.Context, c candidate) ([]commit, error) {
	warm := min(len(l.tenants), discoveryWarm)
	commits := make([]commit, warm+int(discoveryRate*l.plan.duration.Seconds()))
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for g := range committers {
		group.Go(func() (err error) {
			for i := g; i < len(commits) && err == nil; i += committers {
				if err := sleepUntil(ctx, began.Add(time.Duration(i)*time.Second/discoveryRate)); err != nil {
					return err
				}
				commits[i], err = l.write(ctx, c, l.tenants[i%len(l.tenants)])
			}
			return err
		})
	}
	return commits[warm:], group.Wait()
}

// writeClosed writes as fast as the writers can, and returns how many transactions a second that is.
func (l *lab) writeClosed(ctx context.Context, c candidate) (float64, error) {
	began := time.Now()
	counts := make([]int, writers)
	group, ctx := errgroup.WithContext(ctx)
	for g := range writers {
		group.Go(func() error {
			for i := g; time.Since(began) < l.plan.duration; i += writers {
				if _, err := l.write(ctx, c, l.tenants[i%len(l.tenants)]); err != nil {
					return err
				}
				counts[g]++
			}
			return nil
		})
	}
	err := group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(began).Seconds(), err
}

// write commits an event through the program's scope, in one round trip, and tells of it in the candidate's way.
func (l *lab) write(ctx context.Context, c candidate, t tenant) (commit, error) {
	id := uuid.NewString()
	statements := []tenants.Statement{{SQL: `with e as (insert into events
		(id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
		values ($1::uuid, 'User.created', 'User', $1::uuid, 1, 'bench', '', '{"name": "Ada Lovelace"}', now()) returning seq, created_at)
		insert into outbox_messages (seq, created_at) select seq, created_at from e`, Args: []any{id}}}
	if c.signal != "" {
		statements = append(statements, tenants.Statement{SQL: c.signal, Args: []any{t.ID}})
	}
	if err := l.clusters.Home().Scope(t.Placement()).Pipeline(ctx, statements...); err != nil {
		return commit{}, fmt.Errorf("write an event: %w", err)
	}
	at := time.Now()
	if c.after != nil {
		c.after(t.ID)
	}
	return commit{id, at}, nil
}
