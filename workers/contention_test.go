package workers_test

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// memory is a log that a test reads.
type memory struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (m *memory) Write(line []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(line)
}

func (m *memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

// TestSweepsAndRenewalsOfManyTenantsDoNotDeadlock lets three pools write the same ledger as often as they
// can: each sweeps all tenants, and renews the leases that it holds.
func TestSweepsAndRenewalsOfManyTenantsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	model := l.tenant()
	l.clones(model, 100)
	l.execf(`update dispatch.tenants set paused = true`) // held and renewed, with nothing else to do
	for _, tenant := range l.everybody() {
		l.fill(tenant, 1, 1)
	}
	l.execf(`alter database %s set deadlock_timeout = '5ms'`, l.database) // tell of each, also of short ones
	l.cluster.Pool().Reset()
	// Placed and not onboarded yet: they make the table so large that PostgreSQL goes by its index.
	l.execf(`with t as (insert into dispatch.tenants (tenant_id, slug, schema_name, role_name, weight)
		select gen_random_uuid(), 'd' || i, 'd' || i, 'd' || i, 1 from generate_series(1, 2000) i returning tenant_id)
		insert into dispatch.ledger (tenant_id) select tenant_id from t`)
	l.execf(`analyze dispatch.ledger; analyze dispatch.tenants`)
	log := &memory{}
	var meters []meter
	for range 3 {
		config, m := fast(), newMeter()
		config.LeaseTTL = 300 * time.Millisecond
		config.SweepPauseMin, config.SweepPauseMax = time.Millisecond, time.Millisecond
		config.Log = slog.New(slog.NewTextHandler(log, nil))
		meters = append(meters, m)
		l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(m.registry)})
	}
	for _, m := range meters {
		eventually(t, func() bool { return m.value(t, "sweep_rounds_total") >= 5 })
	}
	require.NotContains(t, log.String(), "deadlock")
	lost := 0.0
	for _, m := range meters {
		lost += m.value(t, "leases_lost_total")
	}
	t.Logf("%.0f leases were lost on the way", lost)
}
