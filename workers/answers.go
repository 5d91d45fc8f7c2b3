package workers

import (
	"errors"
	"fmt"
	"time"
)

// ErrOutage means that a destination is away, the broker or the service that a handler calls: no event's
// failure, and no attempt is spent.
var ErrOutage = errors.New("workers: the destination is away")

// longestRetryAfter bounds what a handler may ask for: a mistake in it must not hide a delivery for good.
const longestRetryAfter = 24 * time.Hour

// RetryAfterError is a failed attempt of a handler that knows when the next one is worth it, for example
// from another service's Retry-After.
type RetryAfterError struct {
	// After is the wait until the next attempt.
	After time.Duration
	// Err is why the attempt failed; it may be nil.
	Err error
}

// Error is the cause's text.
func (e *RetryAfterError) Error() string {
	return textOf(e.Err, "the handler asked to be tried again later")
}

// Unwrap returns the cause.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// NeverError is a failed attempt of a handler that knows that no further one can help.
type NeverError struct {
	// Err is why; it may be nil.
	Err error
}

// Error is the cause's text.
func (e *NeverError) Error() string { return textOf(e.Err, "the handler asked not to be tried again") }

// Unwrap returns the cause.
func (e *NeverError) Unwrap() error { return e.Err }

// RetryAfter is a handler's answer that the event is to be tried again after some time, instead of the
// one that the retry policy has: at most 24 hours, and not before the policy's when it is not positive. It
// spends an attempt; after the last one the delivery is dead all the same.
func RetryAfter(after time.Duration, err error) error {
	return &RetryAfterError{After: after, Err: err}
}

// Never is a handler's answer that no further attempt can help: the delivery is dead at once, and waits
// for an operator.
func Never(err error) error { return &NeverError{Err: err} }

// Outage is a handler's answer that the service which it calls is away, which is not the event's failure:
// no attempt is spent, and the handlers of that destination get nothing until it is back.
func Outage(err error) error {
	if err == nil {
		return ErrOutage
	}
	return fmt.Errorf("%w: %w", ErrOutage, err)
}

func textOf(err error, none string) string {
	if err == nil {
		return none
	}
	return err.Error()
}
