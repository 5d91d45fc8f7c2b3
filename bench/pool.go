package bench

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/workers"
)

// reporting wraps a source to tell when events are completed.
type reporting struct {
	workers.Source

	completed func(n int)
}

func (s reporting) Complete(
	ctx context.Context, lease workers.Lease, outcomes []workers.Outcome, retried []workers.Retried,
) (int, error) {
	stale, err := s.Source.Complete(ctx, lease, outcomes, retried)
	if err == nil {
		s.completed(len(outcomes))
	}
	return stale, err
}

// pool is the program's own way, with the settings that it has by default. There are no hints of a backlog
// that is there already: the pool finds it with its sweep, whose first round knows no pause.
func pool(_ context.Context, l *lab, t target) (runner, error) {
	return l.newPool(l.source(), t, l.hints)
}

// source is the tenants' outboxes.
func (w *world) source() workers.Source { return w.set.Source(w.clusters.Home()) }

// newPool makes a pool over a source, which a measurement may have wrapped.
func (w *world) newPool(source workers.Source, t target, hints workers.Hints) (runner, error) {
	if t.completed != nil {
		source = reporting{source, t.completed}
	}
	parts := workers.Parts{Cluster: w.clusters.Home(), Source: source, Publisher: t.publisher, Hints: hints}
	if t.handler != nil {
		parts.Handlers = []workers.Handler{*t.handler}
	}
	made, err := workers.New(workers.Config{SweepPauseMin: sweepPause, SweepPauseMax: 4 * sweepPause}, parts)
	if err != nil {
		return nil, err
	}
	return made.Run, nil
}

// sweepPause is that of the program's default settings.
const sweepPause = 500 * time.Millisecond
