package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// stopper ends one part of the process.
type stopper struct {
	name string
	stop func(ctx context.Context) error
}

// Stop ends the process: at first the API and the workers finish what they have begun, side by side;
// then what they stood on is closed, in the reverse order of its start. What has not ended when the
// context does is left behind and told in the error. A second Stop returns the first one's error.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() { a.stopErr = errors.Join(a.stopRoles(ctx), a.stopParts(ctx)) })
	return a.stopErr
}

func (a *App) stopRoles(ctx context.Context) error {
	errs := make([]error, len(a.roles))
	var ending sync.WaitGroup
	for i, role := range a.roles {
		ending.Go(func() { errs[i] = role.end(ctx) })
	}
	ending.Wait()
	return errors.Join(errs...)
}

func (a *App) stopParts(ctx context.Context) error {
	var errs []error
	for _, part := range slices.Backward(a.parts) {
		errs = append(errs, part.end(ctx))
	}
	return errors.Join(errs...)
}

func (s stopper) end(ctx context.Context) error {
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	return nil
}

// opened registers how a part is closed.
func (a *App) opened(name string, stop func(ctx context.Context) error) {
	a.parts = append(a.parts, stopper{name, stop})
}

// inBackground runs something for as long as the process does, and returns how it is ended. When it
// ends by itself with an error, that ends the process.
func (a *App) inBackground(ctx context.Context, name string, run func(ctx context.Context) error) stopper {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	return stopper{name, func(ctx context.Context) error {
		cancel()
		return awaitEnd(ctx, done)
	}}
}

func awaitEnd(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it did not end in time: %w", ctx.Err())
	}
}

// fail reports the first failure; those that follow are most likely its consequences.
func (a *App) fail(err error) {
	select {
	case a.failure <- err:
	default:
	}
}
