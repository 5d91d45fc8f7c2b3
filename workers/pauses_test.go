package workers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

func (l *lab) pauseHandler(name string) {
	l.t.Helper()
	l.execf(`insert into dispatch.paused_handlers (handler, paused_at) values ('%s', now())`, name)
}

func (l *lab) resumeHandler(name string) {
	l.t.Helper()
	l.execf(`delete from dispatch.paused_handlers where handler = '%s'`, name)
}

// TestAPausedHandlerGetsNothingAndGoesOnInOrder pauses before the worker starts and while it runs.
func TestAPausedHandlerGetsNothingAndGoesOnInOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 12, 3)
	l.pauseHandler("paused")
	l.pauseHandler("not of this program")
	s, broker, hints := &service{}, &recorder{}, newMegaphone()
	config := deaf()
	config.LeaseTTL = 300 * time.Millisecond
	l.run(config, workers.Parts{Publisher: broker, Hints: hints, Handlers: []workers.Handler{s.handler("paused"), s.handler("other")}})
	eventually(t, func() bool { return l.withStatus(tenant, "retrying") == 12 })
	require.Empty(t, s.of("paused"), "the first look at the pauses is before the first call")
	require.Len(t, s.of("other"), 12)
	require.Len(t, broker.of(tenant), 12)
	require.Zero(t, l.count(`select count(*) from %s.deliveries where attempts > 0 or handler <> 'paused'`, tenant.SchemaName))
	require.Zero(t, l.count(`select count(*) from %s.delivery_attempts`, tenant.SchemaName))

	l.fill(tenant, 12, 3)
	hints.tell(tenant)
	eventually(t, func() bool { return len(s.of("other")) == 24 })
	l.resumeHandler("paused")
	l.settled(tenant)
	require.Len(t, s.of("paused"), 24)
	requireOrder(t, s.of("paused"))

	l.pauseHandler("other")
	require.Eventually(t, func() bool { // the worker has noticed when something waits
		l.fill(tenant, 1, 1)
		hints.tell(tenant)
		return l.count(`select count(*) from %s.deliveries where handler = 'other' and attempts = 0`, tenant.SchemaName) > 0
	}, patience, 50*time.Millisecond)
	l.resumeHandler("other")
	l.settled(tenant)
	require.Equal(t, len(s.of("paused")), len(s.of("other"))) //nolint:testifylint // the events would fill the screen
}

// TestASweepFindsWhatWaitedForAHandler resumes while no worker runs, so that nobody is told.
func TestASweepFindsWhatWaitedForAHandler(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 6, 2)
	l.pauseHandler("paused")
	s := &service{}
	parts := workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{s.handler("paused")}}
	stop := l.run(fast(), parts)
	eventually(t, func() bool { return l.withStatus(tenant, "retrying") == 6 })
	stop()
	l.resumeHandler("paused")
	l.run(fast(), parts)
	l.settled(tenant)
	require.Len(t, s.of("paused"), 6)
	requireOrder(t, s.of("paused"))
}

func TestAClusterWithoutTheTableOfPausesIsServed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 3, 3)
	hints := newMegaphone()
	l.execf(`alter table dispatch.paused_handlers rename to renamed`)
	l.run(deaf(), workers.Parts{Publisher: &recorder{}, Hints: hints})
	hints.tell(tenant)
	l.settled(tenant)
}
