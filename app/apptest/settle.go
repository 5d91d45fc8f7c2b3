package apptest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const (
	settleTimeout  = 20 * time.Second
	settleInterval = 5 * time.Millisecond
	// dueSoon is longer than any wait between attempts in this process: what is due later was put off
	// by the test itself.
	dueSoon = "1 second"
)

// Backlog is what a tenant's outbox still has to do.
type Backlog struct {
	// Unpublished counts the events that were not tried yet.
	Unpublished int
	// Retrying counts the deliveries that are tried again within the second.
	Retrying int
	// Failures are the last errors of those.
	Failures []string
}

// Empty reports whether nothing is left to do.
func (b Backlog) Empty() bool { return b.Unpublished == 0 && b.Retrying == 0 }

// Backlog returns what the tenant's outbox still has to do.
func (n *Tenant) Backlog(tb testing.TB) Backlog {
	tb.Helper()
	backlog, err := n.backlog()
	require.NoError(tb, err)
	return backlog
}

// Settle waits until the tenant's outbox has nothing left to do, except what failed for good.
func (n *Tenant) Settle(tb testing.TB) {
	tb.Helper()
	var last Backlog
	var err error
	settled := func() bool {
		last, err = n.backlog()
		return err == nil && last.Empty()
	}
	for end := time.Now().Add(settleTimeout); !settled(); {
		if time.Now().After(end) {
			require.FailNow(tb, "the outbox did not settle",
				"tenant %s after %s: %+v, last error: %v", n.Slug, settleTimeout, last, err)
		}
		pause(tb.Context())
	}
}

// pause waits a moment between two looks.
func pause(ctx context.Context) {
	timer := time.NewTimer(settleInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (n *Tenant) backlog() (Backlog, error) {
	schema := pgx.Identifier{n.Tenant.SchemaName}.Sanitize()
	query := fmt.Sprintf(`select
		(select count(*) from %[1]s.outbox_messages where status = 'unpublished'),
		(select count(*) from %[1]s.deliveries where status = 'retrying' and next_attempt_at < now() + interval '%[2]s'),
		(select coalesce(array_agg(handler || ': ' || last_error), '{}') from %[1]s.deliveries where status = 'retrying')`,
		schema, dueSoon)
	var left Backlog
	err := current().superuser.QueryRow(context.Background(), query).Scan(&left.Unpublished, &left.Retrying, &left.Failures)
	if err != nil {
		return Backlog{}, fmt.Errorf("read the backlog of %s: %w", n.Slug, err)
	}
	return left, nil
}
