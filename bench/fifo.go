package bench

import (
	"container/heap"
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/workers"
)

// firstInFirstOut publishes the oldest event of all tenants next: a merge of their queues by the time of
// creation. Everybody waits behind everything that is older, whoever made it.
func firstInFirstOut(ctx context.Context, l *lab, t target) (runner, error) {
	pool, err := l.bare(ctx)
	if err != nil {
		return nil, err
	}
	m := &merge{naive: naive{pool, t}}
	for _, t := range l.everyone() {
		m.empty = append(m.empty, &queue{tenant: t})
	}
	return func(ctx context.Context) error {
		defer pool.Close()
		return m.run(ctx)
	}, nil
}

// queue is what was read of a tenant.
type queue struct {
	tenant tenant
	events []workers.Event
	more   bool // the last read was full
}

func (q *queue) oldest() time.Time { return q.events[0].CreatedAt }

// merge holds the queues, those with events in a heap by their oldest one.
type merge struct {
	naive

	heads  heads
	empty  []*queue // that may have more: they are read before the next batch
	idle   []*queue // that had no more when they were read
	polled time.Time
}

func (m *merge) run(ctx context.Context) error {
	m.polled = time.Now()
	for ctx.Err() == nil {
		if time.Since(m.polled) >= pollPause {
			m.empty, m.idle, m.polled = append(m.empty, m.idle...), nil, time.Now()
		}
		if err := m.refill(ctx); err != nil {
			return err
		}
		if len(m.heads) == 0 {
			if err := sleepUntil(ctx, m.polled.Add(pollPause)); err != nil {
				return err
			}
			continue
		}
		if err := m.batch(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// refill reads the queues that are empty, side by side.
func (m *merge) refill(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bareConns)
	for _, q := range m.empty {
		group.Go(func() (err error) {
			q.events, err = m.read(ctx, q.tenant)
			q.more = len(q.events) == bareBatch
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, q := range m.empty {
		m.file(q)
	}
	m.empty = nil
	return nil
}

// file puts a queue where it belongs.
func (m *merge) file(q *queue) {
	switch {
	case len(q.events) > 0:
		heap.Push(&m.heads, q)
	case q.more:
		m.empty = append(m.empty, q)
	default:
		m.idle = append(m.idle, q)
	}
}

// batch publishes the oldest events. It ends early where a queue must be read to know what is oldest.
func (m *merge) batch(ctx context.Context) error {
	events := make([]workers.Event, 0, bareBatch)
	bySchema := make(map[string][]int64)
	m.empty = nil
	for len(events) < bareBatch && len(m.heads) > 0 && len(m.empty) == 0 {
		q := heap.Pop(&m.heads).(*queue) //nolint:forcetypeassert // the heap holds nothing else
		e := q.events[0]
		q.events = q.events[1:]
		events = append(events, e)
		bySchema[q.tenant.SchemaName] = append(bySchema[q.tenant.SchemaName], e.Seq)
		m.file(q)
	}
	if err := m.publish(ctx, events); err != nil {
		return err
	}
	if err := m.handleSideBySide(ctx, events); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bareConns)
	for schema, seqs := range bySchema {
		group.Go(func() error { return m.complete(ctx, schema, seqs) })
	}
	return group.Wait()
}

// handleSideBySide shares the handler's calls among as many as the connections are.
func (m *merge) handleSideBySide(ctx context.Context, events []workers.Event) error {
	group, ctx := errgroup.WithContext(ctx)
	size := (len(events) + bareConns - 1) / bareConns
	for len(events) > 0 {
		part := events[:min(size, len(events))]
		events = events[len(part):]
		group.Go(func() error { return m.handle(ctx, part) })
	}
	return group.Wait()
}

// heads are queues by the age of their first event.
type heads []*queue

// Len implements heap.Interface.
func (h *heads) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *heads) Less(i, j int) bool { return (*h)[i].oldest().Before((*h)[j].oldest()) }

// Swap implements heap.Interface.
func (h *heads) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push implements heap.Interface.
func (h *heads) Push(x any) { *h = append(*h, x.(*queue)) } //nolint:forcetypeassert // it holds nothing else

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	last := len(*h) - 1
	q := (*h)[last]
	*h = (*h)[:last]
	return q
}
