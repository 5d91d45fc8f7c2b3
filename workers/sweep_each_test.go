package workers_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// TestATenantThatCannotBeSweptHoldsUpNoOther has the looks fail that are for one tenant among others.
func TestATenantThatCannotBeSweptHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(8)
	for _, tenant := range all {
		l.fill(tenant, 3, 1)
	}
	broken := all[2]
	l.execf(`alter function dispatch.sweep(uuid, integer) rename to whole`)
	l.execf(`create function dispatch.sweep(p_after uuid, p_limit integer)
		returns table (tenant_id uuid, oldest_unpublished_at timestamptz, due_at timestamptz, backlog bigint, last_in_chunk boolean)
		language plpgsql as $$ begin
			if exists (select from (select t.tenant_id from dispatch.tenants t where t.tenant_id > p_after
			                        order by t.tenant_id limit p_limit) c where c.tenant_id = '%s') then
				raise exception 'planted';
			end if;
			return query select w.tenant_id, w.oldest_unpublished_at, w.due_at, w.backlog, w.last_in_chunk
			             from dispatch.whole(p_after, p_limit) w;
		end $$`, broken.ID)
	l.execf(`grant execute on function dispatch.sweep(uuid, integer) to public`)
	log, metrics, broker := &memory{}, newMeter(), &recorder{}
	config := fast()
	config.SweepChunk, config.Log = 3, slog.New(slog.NewTextHandler(log, nil))
	l.run(config, workers.Parts{Publisher: broker, Metrics: workers.NewMetrics(metrics.registry)})
	for i, tenant := range all {
		if i != 2 {
			l.settled(tenant)
		}
	}
	require.Empty(t, broker.of(broken))
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") >= 2 })
	passed, rounds := metrics.value(t, "sweep_passed_total"), metrics.value(t, "sweep_rounds_total")
	require.InDelta(t, rounds, passed, 1, "once for each round")
	require.Contains(t, log.String(), broken.ID)
	for _, tenant := range append(all[:2:2], all[3:]...) {
		require.NotContains(t, log.String(), tenant.ID)
	}
	require.Equal(t, broken.ID, l.text(`select string_agg(tenant_id::text, ' ') from dispatch.ledger where last_visited_at is null`),
		"it shows as not visited")

	l.execf(`drop function dispatch.sweep(uuid, integer)`)
	l.execf(`alter function dispatch.whole(uuid, integer) rename to sweep`)
	l.settled(broken)
}

// TestALeaseThatWasGivenUpUnheardIsFoundByTheSweep has a process be told that another one has the lease for
// long, and never that it was given up.
func TestALeaseThatWasGivenUpUnheardIsFoundByTheSweep(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.steal(tenant.ID, time.Hour)
	l.fill(tenant, 3, 1)
	broker := &recorder{}
	config := fast()
	config.LeaseTTL = 10 * time.Minute
	metrics := newMeter()
	l.run(config, workers.Parts{Publisher: broker, Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") >= 3 })
	require.Empty(t, broker.of(tenant))
	l.execf(`update dispatch.ledger set expires_at = '-infinity' where tenant_id = '%s'`, tenant.ID)
	l.settled(tenant)
}
