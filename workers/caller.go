package workers

import (
	"context"
	"time"
)

// slack is the part of its time that a call may lose because it shares its context with those before it.
const slack = 100

// caller makes calls one after the other on a goroutine of its own, which is left behind with a handler
// that ignores its deadline. One goroutine, context and timer serve many calls, because to make each of
// them anew costs more than a quick handler does. It is not safe for concurrent use.
type caller struct {
	calls *calls
	lease Lease
	turn  context.Context //nolint:containedctx // of the calls that it makes, and it lives no longer

	orders chan order // to the goroutine; nil when there is none
	ended  chan error
	slow   *time.Timer

	ctx     context.Context //nolint:containedctx // of the last call, for the next one
	cancel  context.CancelFunc
	timeout time.Duration
	madeAt  time.Time
}

// order is one call.
type order struct {
	ctx     context.Context //nolint:containedctx // of this call
	handler *Handler
	event   *Event
}

func (c *calls) newCaller(ctx context.Context, lease Lease) *caller {
	return &caller{calls: c, lease: lease, turn: ctx}
}

// close ends the goroutine, when the call that it is in has ended.
func (k *caller) close() {
	if k.cancel != nil {
		k.cancel()
		k.cancel = nil
	}
	if k.orders != nil {
		close(k.orders)
		k.orders = nil
	}
}

// call runs a handler on an event, for no longer than it may. A handler that ignores its deadline is
// left behind, and keeps its place in the bound until it returns.
func (k *caller) call(h *Handler, event *Event) error {
	if err := k.calls.enter(k.turn, h.Name); err != nil {
		return err
	}
	ctx := k.deadline(h.Timeout)
	if k.orders == nil {
		k.start()
	}
	k.orders <- order{ctx, h, event}
	k.slow.Reset(k.calls.config.Quantum)
	defer k.slow.Stop()
	select {
	case err := <-k.ended:
		return err
	case <-k.slow.C:
		return k.outlast(ctx, h)
	case <-ctx.Done(): // its whole time is shorter than that; it has no more of the slot's either
		return k.outlast(ctx, h)
	}
}

// deadline is a context with at least nearly all of the timeout ahead of it.
func (k *caller) deadline(timeout time.Duration) context.Context {
	if k.cancel != nil && timeout == k.timeout && time.Since(k.madeAt) < timeout/slack {
		return k.ctx
	}
	if k.cancel != nil {
		k.cancel()
	}
	k.timeout, k.madeAt = timeout, time.Now()
	k.ctx, k.cancel = context.WithTimeout(k.turn, timeout)
	return k.ctx
}

func (k *caller) start() {
	k.orders, k.ended = make(chan order), make(chan error, 1)
	if k.slow == nil {
		k.slow = time.NewTimer(k.calls.config.Quantum)
	}
	go k.calls.serve(k.lease, k.orders, k.ended)
}

// serve makes the calls of one caller. Nobody may listen any more when one ends.
func (c *calls) serve(lease Lease, orders <-chan order, ended chan<- error) {
	for o := range orders {
		err := c.invoke(o.ctx, lease, o.handler, o.event)
		<-c.bounds[o.handler.Name]
		c.onFree(o.handler.Name)
		ended <- err
	}
}

// outlast waits for a call without the slot that it began on: a handler that hangs holds its place in its
// own bound, and nobody's turn.
func (k *caller) outlast(ctx context.Context, h *Handler) error {
	defer k.calls.onSlow()()
	select {
	case err := <-k.ended:
		return err
	case <-ctx.Done():
		return k.await(ctx, h)
	}
}

// await gives a handler whose time is over a moment to notice, and leaves it behind if it does not.
func (k *caller) await(ctx context.Context, h *Handler) error {
	timer := time.NewTimer(k.calls.config.AbandonAfter)
	defer timer.Stop()
	select {
	case err := <-k.ended:
		return err
	case <-timer.C:
		k.close()
		k.calls.metrics.abandoned.WithLabelValues(h.Name).Inc()
		k.calls.config.Log.ErrorContext(ctx, "a handler ignored its deadline and was left behind",
			"handler", h.Name, "timeout", h.Timeout)
		return errAbandoned
	}
}
