package workers_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestAnEventThatAlwaysFindsItsDestinationAwayStarvesNobody has one tenant's events take for an outage
// whatever comes, and another tenant's go through.
func TestAnEventThatAlwaysFindsItsDestinationAwayStarvesNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	poisoned, well := l.tenant(), l.tenant()
	l.fill(poisoned, 6, 2)
	s := &service{}
	handler := s.handler("one")
	take := handler.External
	handler.External = func(ctx context.Context, e workers.Event) error {
		if e.TenantID == poisoned.ID && e.AggregateVersion == 1 {
			return workers.Outage(errRefused)
		}
		return take(ctx, e)
	}
	hints := newMegaphone()
	l.run(deaf(), workers.Parts{Publisher: &recorder{}, Hints: hints, Handlers: []workers.Handler{handler}})
	eventually(t, func() bool { return l.withStatus(poisoned, "retrying") == 6 })
	l.fill(well, 40, 8)
	hints.tell(well)
	l.settled(well)
	require.Equal(t, 40, l.withStatus(well, "published"))
	require.Len(t, s.of("one"), 40, "and none of the poisoned chains went on")
	requireOrder(t, s.of("one"))
	require.Zero(t, l.count(`select count(*) from %s.deliveries where attempts > 0 or status = 'failed'`, poisoned.SchemaName))
	require.Zero(t, l.count(`select count(*) from %s.delivery_attempts`, poisoned.SchemaName))
}
