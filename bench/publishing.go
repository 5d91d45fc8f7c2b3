package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/workers"
)

// target is where a way to publish takes the events.
type target struct {
	publisher workers.Publisher
	// handler is called for every event; nil is none.
	handler *workers.Handler
	// completed is told how many events are done.
	completed func(n int)
}

// runner publishes until its context is over.
type runner func(ctx context.Context) error

// way is a way to publish what tenants have in their outboxes: the program's pool, or a baseline.
type way func(ctx context.Context, l *lab, t target) (runner, error)

// accepting is a broker that takes everything at once: with it a drain measures the pool alone.
type accepting struct{}

func (accepting) Publish(_ context.Context, events []workers.Event) []error {
	return make([]error, len(events))
}

// ackWait is as long as the program itself waits for the broker.
const ackWait = 5 * time.Second

// jetStream is the program's own publisher.
func (w *world) jetStream() workers.Publisher {
	return outbox.NewJetStream(w.conn, w.js, ackWait, func() {})
}

// external is a handler of every event, as one that calls out is: without a transaction.
func external(call func(ctx context.Context, event workers.Event) error) *workers.Handler {
	return &workers.Handler{Name: "external", Events: []string{"*"}, External: call, MaxConcurrent: manyCalls}
}

// manyCalls leaves it to the slots how many calls run at one time.
const manyCalls = 1000

func nothing(context.Context, workers.Event) error { return nil }

// progress counts what is left of a backlog.
type progress struct {
	left atomic.Int64
	over chan struct{}
}

func newProgress(total int) *progress {
	p := &progress{over: make(chan struct{})}
	p.left.Store(int64(total))
	return p
}

func (p *progress) completed(n int) {
	if left := p.left.Add(int64(-n)); left <= 0 && left+int64(n) > 0 {
		close(p.over)
	}
}

// drain publishes a backlog in one way and returns the events per second. What takes too long is not
// waited for: then it is the speed up to there.
func (l *lab) drain(ctx context.Context, publish way, t target, total int) (float64, error) {
	left := newProgress(total)
	t.completed = left.completed
	run, err := publish(ctx, l, t)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	stop := start(ctx, run)
	select {
	case <-left.over:
	case <-stop.ended:
	case <-time.After(most):
	}
	took := time.Since(began)
	done := total - int(max(left.left.Load(), 0))
	return float64(done) / took.Seconds(), stop.wait()
}

// background is a runner that runs.
type background struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

func start(ctx context.Context, run runner) *background {
	ctx, cancel := context.WithCancel(ctx)
	b := &background{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		if b.err = run(ctx); b.err == nil && ctx.Err() == nil {
			b.err = errors.New("bench: what publishes ended by itself")
		}
	}()
	return b
}

// wait ends the runner, which must not have ended before. What it says of being stopped in the middle of
// something is of no interest.
func (b *background) wait() error {
	defer b.cancel()
	select {
	case <-b.ended:
		return fmt.Errorf("publish: %w", b.err)
	default:
		b.cancel()
		<-b.ended
		return nil
	}
}
