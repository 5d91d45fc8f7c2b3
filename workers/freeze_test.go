//go:build unix

package workers_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestAProcessFrozenPastItsLeaseChangesNothing stops a process in the middle of a turn, lets another
// one drain its tenant, and wakes it up again: it sends what it had read, which the broker drops.
func TestAProcessFrozenPastItsLeaseChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 400, 20)
	l.countable(tenant)
	frozen, err := l.startWorker(t.Context(), orders{LeaseTTL: 500 * time.Millisecond, BatchSize: 50, Point: read, Hit: 3, Hold: true})
	require.NoError(t, err)
	select {
	case <-frozen.hit:
	case <-frozen.ended:
		t.Fatal("the process ended early")
	}
	holder := l.holder(tenant)
	require.NoError(t, frozen.cmd.Process.Signal(syscall.SIGSTOP))
	before := l.withStatus(tenant, "published")
	require.Less(t, before, 400)

	stop := l.run(fast(), workers.Parts{Handlers: []workers.Handler{counter()}})
	l.settled(tenant)
	require.NotEqual(t, holder, l.holder(tenant))
	drained := l.text(`select string_agg(m::text, ' ' order by seq) from %s.outbox_messages m`, tenant.SchemaName)

	_, err = frozen.input.Write([]byte("\n"))
	require.NoError(t, err)
	require.NoError(t, frozen.cmd.Process.Signal(syscall.SIGCONT))
	eventually(t, func() bool { return frozen.duplicates.Load() > 0 }, "it sends its batch again")
	stop()

	// It lives on, and takes part as soon as it holds a lease again.
	l.fill(tenant, 20, 20)
	l.settled(tenant)
	frozen.stop(t)
	require.Equal(t, drained, l.text(`select string_agg(m::text, ' ' order by seq) from %s.outbox_messages m
		where seq <= 400`, tenant.SchemaName), "the frozen process changed nothing of what the other one wrote")
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	l.requireStream(tenant)
	l.requireEffects(tenant)
	t.Logf("frozen with %d of 400 published; the broker dropped %d repeats", before, frozen.duplicates.Load())
}
