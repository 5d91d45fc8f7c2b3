package module

import (
	"time"

	"github.com/tenantry/tenantry/workers"
)

// RetryPolicy says when a failed delivery is tried again, and how often.
type RetryPolicy = workers.RetryPolicy

// RetryAfter is a handler's answer that the event is to be tried again after some time, at most 24 hours.
// It spends an attempt.
func RetryAfter(after time.Duration, err error) error { return workers.RetryAfter(after, err) }

// Never is a handler's answer that no further attempt can help: the delivery waits for an operator.
func Never(err error) error { return workers.Never(err) }

// Outage is a handler's answer that the service which it calls is away: no attempt is spent, and the
// handlers of that destination get nothing until it is back.
func Outage(err error) error { return workers.Outage(err) }
