package workers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// calm is how long nothing may have failed before an outage counts as over: pooled connections that died
// with the server fail for a moment longer.
const calm = time.Second

// outage keeps the log readable while the cluster's database is away: one line when that begins, and one
// with a count when it is over, however many tenants' turns failed meanwhile.
type outage struct {
	log *slog.Logger

	mu       sync.Mutex
	began    time.Time // zero while there is none
	last     time.Time
	failures int
}

// failed logs a failure, unless it is one more of the outage that was told of.
func (o *outage) failed(ctx context.Context, message string, err error, attrs ...any) {
	if !tenants.Away(err) && !errors.Is(err, context.DeadlineExceeded) {
		o.log.WarnContext(ctx, message, append(attrs, "error", err)...) //nolint:sloglint // those who call pass constants
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures++
	o.last = time.Now()
	if !o.began.IsZero() {
		return
	}
	o.began = o.last
	o.log.WarnContext(ctx, "the database is away, or does not answer in time; nothing is lost, and publishing goes on when it is back",
		"error", err)
}

// passed ends the outage, if there is one, with something that began after all had failed and succeeded.
func (o *outage) passed(ctx context.Context, began time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.began.IsZero() || began.Sub(o.last) < calm {
		return
	}
	o.log.WarnContext(ctx, "the database is back", "after", o.last.Sub(o.began).Round(time.Millisecond), "failures", o.failures)
	o.began, o.failures = time.Time{}, 0
}
