package bench

import (
	"context"
	"fmt"
)

const (
	freeDrain   = "pinned: drain with nothing in the way"
	pinnedDrain = "pinned: drain beside an idle transaction"
)

func pinnedScenario() scenario {
	return scenario{
		name: "pinned",
		conditions: func(plan) []string {
			return []string{"the pool drains the backlog of a drain with a no-op external handler (no inbox rows are written), " +
				"without and with another session's transaction that read something before and then is idle: no row that dies " +
				"meanwhile can be removed"}
		},
		round: func(ctx context.Context, l *lab) error {
			if err := l.drainOnce(ctx, pinnedCase(l, freeDrain, "")); err != nil {
				return err
			}
			pinned := pinnedCase(l, pinnedDrain, freeDrain)
			pinned.publish = pinning
			return l.drainOnce(ctx, pinned)
		},
	}
}

func pinnedCase(l *lab, name, beside string) drainCase {
	return drainCase{name, beside, pool, target{publisher: accepting{}, handler: external(nothing)}, l.tenants, 1}
}

// pinning is the pool, with a transaction that holds the oldest snapshot until the end.
func pinning(ctx context.Context, l *lab, t target) (runner, error) {
	run, err := pool(ctx, l, t)
	if err != nil {
		return nil, err
	}
	tx, err := l.owner.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	if _, err := tx.Exec(ctx, "set transaction isolation level repeatable read; select pg_current_xact_id()"); err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	return func(ctx context.Context) error {
		defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has changed nothing
		return run(ctx)
	}, nil
}
