package app

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWaitTellsWhichPartFailed(t *testing.T) {
	t.Parallel()
	a := &App{failure: make(chan error, 1)}
	a.roles = append(a.roles, a.inBackground(t.Context(), "the part", func(context.Context) error {
		return errors.New("it broke")
	}))
	require.EqualError(t, a.Wait(t.Context()), "the part: it broke")
	require.NoError(t, a.Stop(t.Context()))
}

func TestWaitEndsWithItsContextAndAStoppedPartIsNoFailure(t *testing.T) {
	t.Parallel()
	a := &App{failure: make(chan error, 1)}
	part := a.inBackground(t.Context(), "the part", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	a.parts = append(a.parts, part)
	require.NoError(t, a.Stop(t.Context()))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, a.Wait(ended))
	require.Empty(t, a.failure)
}

func TestPartsStopInReverseOrderAfterTheRolesAndAllOfThem(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string, err error) stopper {
		return stopper{name, func(context.Context) error {
			order = append(order, name)
			return err
		}}
	}
	broken := errors.New("it broke")
	a := &App{
		parts: []stopper{note("first", nil), note("second", broken), note("third", nil)},
		roles: []stopper{note("role", nil)},
	}
	err := a.Stop(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "stop second")
	require.Equal(t, []string{"role", "third", "second", "first"}, order)
	require.Equal(t, err, a.Stop(t.Context()), "a second stop does nothing")
	require.Len(t, order, 4)
}

func TestWhatDoesNotEndIsLeftBehindAndTold(t *testing.T) {
	t.Parallel()
	a := &App{failure: make(chan error, 1)}
	release := make(chan struct{})
	stuck := a.inBackground(t.Context(), "the part", func(context.Context) error {
		<-release
		return nil
	})
	a.roles = append(a.roles, stuck)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, a.Stop(over), "stop the part: it did not end in time")
	close(release)
	require.NoError(t, stuck.stop(t.Context()))
}
