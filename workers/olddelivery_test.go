package workers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestAnOldDeliveryOutlivesTheFirstLookOfAWorkerWithoutItsHandler: it was parked long ago, because its
// handler was paused, say, and the program that has the handler is just being deployed.
func TestAnOldDeliveryOutlivesTheFirstLookOfAWorkerWithoutItsHandler(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.fill(tenant, 1, 1)
	later := workers.Handler{Name: "new", Events: []string{"*"}, External: func(context.Context, workers.Event) error {
		return workers.RetryAfter(time.Hour, errRefused)
	}}
	stop := l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{later}})
	eventually(t, func() bool { return l.withStatus(tenant, "retrying") == 1 })
	stop()
	l.execf(`update %s.deliveries set created_at = now() - interval '1 day', next_attempt_at = now()`, tenant.SchemaName)

	metrics, config := newMeter(), fast()
	config.OrphanPause = 10 * time.Millisecond
	stop = l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "retries_total") >= 3 })
	stop()
	require.Equal(t, 1, l.withStatus(tenant, "retrying"))
	s := &service{}
	l.run(fast(), workers.Parts{Publisher: &recorder{}, Handlers: []workers.Handler{s.handler("new")}})
	l.settled(tenant)
	require.Len(t, s.of("new"), 1)
}
