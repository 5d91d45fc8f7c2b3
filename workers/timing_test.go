package workers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestACompletedMessageTellsWhereItsTimeWent looks at an event that waited behind its tenant's own backlog,
// on the one slot there is.
func TestACompletedMessageTellsWhereItsTimeWent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first, second := l.tenant(), l.tenant()
	l.fill(first, 3, 1)
	l.fill(second, 3, 1)
	config := fast()
	config.Slots, config.BatchSize = 1, 1
	l.run(config, workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{{
		Name: "slow", Events: []string{"*"}, External: func(ctx context.Context, _ workers.Event) error {
			select {
			case <-time.After(3 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		},
	}}})
	l.settled(first)
	l.settled(second)
	for _, schema := range []string{first.SchemaName, second.SchemaName} {
		require.Equal(t, 3, l.count(`select count(*) from %s.outbox_messages
			where discovered_at <= queued_at and queued_at <= turn_at and turn_at <= attempted_at and attempted_at < published_at
			  and published_at - attempted_at >= interval '3 ms'`, schema), "in the order in which it happened")
		require.Equal(t, 1, l.count(`select (max(discovered_at) - min(discovered_at) < interval '1 ms')::int from %s.outbox_messages`, schema),
			"it was known to have work until all was done")
	}
}

// TestATenantThatIsAMigrationBehindIsPublished takes away what the last migration brought.
func TestATenantThatIsAMigrationBehindIsPublished(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	_, err := l.superuser.Exec(t.Context(), `drop table `+tenant.SchemaName+`.delivery_attempts;
		alter table `+tenant.SchemaName+`.outbox_messages drop column discovered_at, drop column queued_at,
			drop column turn_at, drop column attempted_at`)
	require.NoError(t, err)
	l.fill(tenant, 6, 2)
	broken := true
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{{
		Name: "flaky", Events: []string{"*"}, MaxConcurrent: 1, External: func(context.Context, workers.Event) error {
			defer func() { broken = false }()
			if broken {
				return context.DeadlineExceeded
			}
			return nil
		},
	}}})
	l.settled(tenant)
	require.Equal(t, 6, l.withStatus(tenant, "published"))
}
