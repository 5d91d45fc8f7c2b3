package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// accepting is a broker that takes everything at once: with it a drain measures the pool alone.
type accepting struct{}

func (accepting) Publish(_ context.Context, events []workers.Event) []error {
	return make([]error, len(events))
}

// counting wraps a source to know when everything is completed.
type counting struct {
	workers.Source

	left chan int
}

func (c counting) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (int, error) {
	stale, err := c.Source.Complete(ctx, lease, outcomes, retried)
	if err == nil {
		c.left <- len(outcomes)
	}
	return stale, err
}

// drain runs the program's pool until every backlog is published, and returns the events per second.
func (w *world) drain(ctx context.Context, publisher workers.Publisher, handlers []workers.Handler) (float64, error) {
	total := 0
	for _, t := range w.tenants {
		n, err := w.backlog(ctx, t)
		if err != nil {
			return 0, err
		}
		total += n
	}
	source := counting{Source: w.set.Source(w.clusters.Home()), left: make(chan int, 1024)}
	pool, err := workers.New(workers.Config{SweepPauseMin: 50 * time.Millisecond}, workers.Parts{
		Cluster: w.clusters.Home(), Source: source, Publisher: publisher, Handlers: handlers,
	})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	for left := total; left > 0; {
		select {
		case n := <-source.left:
			left -= n
		case err := <-ended:
			return 0, fmt.Errorf("the pool ended with %d events left: %w", left, err)
		}
	}
	took := time.Since(began)
	cancel()
	for {
		select {
		case <-source.left:
		case err := <-ended:
			return float64(total) / took.Seconds(), err
		}
	}
}

// backlog counts a tenant's unpublished events.
func (w *world) backlog(ctx context.Context, t tenants.Tenant) (n int, err error) {
	sql := fmt.Sprintf(`select count(*) from %s.outbox_messages where status = 'unpublished'`, t.SchemaName)
	if err := w.owner.QueryRow(ctx, sql).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the backlog: %w", err)
	}
	return n, nil
}
