package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// patience bounds what is tried again and again while something is away.
	patience = 90 * time.Second
	// again is the pause between two attempts.
	again = 100 * time.Millisecond
)

// finalError is a failure that another attempt would only repeat.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// persist tries until it succeeds, the context ends, patience is over, or the failure is final. What the
// caller did wrong is final too.
func persist(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		_, over := errors.AsType[finalError](err)
		switch {
		case err == nil, over, !fault.KindOf(err).Retryable():
			return err
		case !rest(ctx, again):
			return fmt.Errorf("tried until %w: %w", ctx.Err(), err)
		}
	}
}

// rest waits, and reports whether the context lives.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
