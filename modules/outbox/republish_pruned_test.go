package outbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
)

// TestRepublishRestoresWhatRetentionTakesAtThatMoment: it has seen the message, and waits for its row,
// which is gone then.
func TestRepublishRestoresWhatRetentionTakesAtThatMoment(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	w := listen(t, tenant)
	k, ids := newTicket(tenant), newIDs(t, 2)
	k.record(t, ids...)
	tenant.Settle(t)
	tx, err := apptest.Superuser(t).Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	schema := tenant.Tenant.SchemaName
	_, err = tx.Exec(t.Context(), "delete from "+schema+".outbox_messages where seq in (select seq from "+schema+".events where id = any ($1))", ids)
	require.NoError(t, err)

	republished := make(chan error, 1)
	go func() {
		_, err := newService().Republish(t.Context(), apptest.Operator(), tenant.Slug, lately())
		republished <- err
	}()
	require.Eventually(t, func() bool {
		var waiting int
		err := apptest.Superuser(t).QueryRow(t.Context(), `select count(*) from pg_stat_activity
			where wait_event_type = 'Lock' and $1 = any (pg_blocking_pids(pid))`, tx.Conn().PgConn().PID()).Scan(&waiting)
		return err == nil && waiting > 0
	}, patience, interval)
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-republished)
	awaitDelivered(t, tenant)
	w.await(t, ids, append(append([]string{}, ids...), ids...))
	for _, id := range ids {
		require.Equal(t, outbox.Published, messageStatus(t, tenant, id))
	}
}
