package workers_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/workers"
)

// newStreamLab is a lab whose stream the test may change.
func newStreamLab(t *testing.T, change func(*jetstream.StreamConfig)) *lab {
	t.Helper()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	l := newLabOn(t, servers.postgres, broker.URL())
	stream, err := l.js.Stream(t.Context(), "EVENTS")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	change(&config)
	_, err = l.js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	return l
}

// TestAnEventThatIsTooLargeForTheBrokerIsParkedAlone has one event above what the stream takes, and one
// above what the broker takes at all.
func TestAnEventThatIsTooLargeForTheBrokerIsParkedAlone(t *testing.T) {
	t.Parallel()
	l := newStreamLab(t, func(config *jetstream.StreamConfig) { config.MaxMsgSize = 10_000 })
	tenant := l.tenant()
	l.fill(tenant, 40, 4)
	l.execf(`update %s.events set data = jsonb_build_object('x', repeat('x', 20000)) where seq = 5`, tenant.SchemaName)
	l.execf(`update %s.events set data = jsonb_build_object('x', repeat('x', 2000000)) where seq = 10`, tenant.SchemaName)
	l.run(fast(), workers.Parts{})
	eventually(t, func() bool { return l.withStatus(tenant, "failed") == 2 && l.withStatus(tenant, "published") == 23 })
	// The aggregates of 5 and 10 wait from there on, in order: 8 and 7 events.
	require.Equal(t, 15, l.withStatus(tenant, "retrying"))
	require.Zero(t, l.withStatus(tenant, "unpublished"))
	for seq, reason := range map[int]string{5: "message size exceeds maximum allowed", 10: "maximum payload exceeded"} {
		require.Contains(t, l.text(`select last_error from %s.deliveries
			where seq = %d and handler = 'broker' and status = 'failed' and attempts = 3`, tenant.SchemaName, seq), reason)
	}
	require.Equal(t, 15, l.count(`select count(*) from %s.deliveries where handler = 'broker' and status = 'waiting' and attempts = 0`, tenant.SchemaName))
	require.Len(t, l.messages(tenant), 23)
	requireOrder(t, l.stream(tenant))
}

// TestAStreamThatIsFullIsAnOutage has a stream that takes nothing until somebody makes room.
func TestAStreamThatIsFullIsAnOutage(t *testing.T) {
	t.Parallel()
	l := newStreamLab(t, func(config *jetstream.StreamConfig) {
		config.Discard, config.MaxMsgs = jetstream.DiscardNew, 15
	})
	tenant := l.tenant()
	l.fill(tenant, 30, 3)
	l.run(fast(), workers.Parts{})
	eventually(t, func() bool { return l.withStatus(tenant, "published") == 15 })
	require.Equal(t, 15, l.withStatus(tenant, "unpublished"))
	require.Zero(t, l.count(`select count(*) from %s.deliveries`, tenant.SchemaName))
	stream, err := l.js.Stream(t.Context(), "EVENTS")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.MaxMsgs = -1
	_, err = l.js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	l.settled(tenant)
	l.requireStream(tenant)
}

// TestAStreamThatIsMissingIsAnOutage has a broker that nobody set up yet.
func TestAStreamThatIsMissingIsAnOutage(t *testing.T) {
	t.Parallel()
	l := newStreamLab(t, func(*jetstream.StreamConfig) {})
	tenant := l.tenant()
	l.fill(tenant, 30, 3)
	require.NoError(t, l.js.DeleteStream(t.Context(), "EVENTS"))
	metrics := newMeter()
	l.run(fast(), workers.Parts{Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "turns_total") >= 3 })
	require.Equal(t, 30, l.withStatus(tenant, "unpublished"))
	_, err := l.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 30 * time.Minute,
	})
	require.NoError(t, err)
	l.settled(tenant)
	l.requireStream(tenant)
}
