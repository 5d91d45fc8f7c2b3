package workers_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// clones are tenants whose tables are those of a real one, without the time that onboarding takes.
func (l *lab) clones(like tenants.Tenant, n int) []tenants.Tenant {
	l.t.Helper()
	l.execf(`do $$
		declare
			id uuid;
			name text;
		begin
			for i in 1..%[1]d loop
				id := gen_random_uuid();
				execute format('create schema clone_%%s authorization tenantry_owner', i);
				execute format('grant usage on schema clone_%%s to %[3]s', i);
				foreach name in array '{events,outbox_messages,deliveries,inbox}'::text[] loop
					execute format('create table clone_%%s.%%I (like %[2]s.%%I including all)', i, name, name);
					execute format('alter table clone_%%s.%%I owner to tenantry_owner', i, name);
					execute format('grant select, insert, update, delete on clone_%%s.%%I to %[3]s', i, name);
				end loop;
				insert into dispatch.tenants (tenant_id, slug, schema_name, role_name, weight)
				values (id, 'clone-' || id, 'clone_' || i, '%[3]s', 1);
				insert into dispatch.ledger (tenant_id) values (id);
			end loop;
		end $$`, n, like.SchemaName, like.RoleName)
	rows, err := l.superuser.Query(l.t.Context(), `select tenant_id::text, slug, schema_name, role_name
		from dispatch.tenants where slug like 'clone-%'`)
	require.NoError(l.t, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tenants.Tenant, err error) {
		t.Cluster = like.Cluster
		return t, row.Scan(&t.ID, &t.Slug, &t.SchemaName, &t.RoleName)
	})
	require.NoError(l.t, err)
	require.Len(l.t, all, n)
	return all
}

// TestNobodyIsLeftOut asks the one table that says of every tenant when it was visited last.
func TestNobodyIsLeftOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	model := l.tenant()
	all := append(l.clones(model, 49), model)
	busy, paused := all[:5], all[5]
	for _, tenant := range busy {
		l.fill(tenant, 2000, 100)
	}
	l.execf(`update dispatch.tenants set paused = true where tenant_id = '%s'`, paused.ID)
	l.fill(paused, 20, 5)
	config := fast()
	config.SweepChunk = 7
	l.run(config, workers.Parts{Publisher: &recorder{}})

	// A round is 8 chunks of at most 44 ms, and what the machine needs for them.
	const bound = 3 * time.Second
	unvisited := func(since time.Time) int {
		return l.count(`select count(*) from dispatch.tenants left join dispatch.ledger using (tenant_id)
			where last_visited_at is null or last_visited_at < '%s'`, since.Format(time.RFC3339Nano))
	}
	start := time.Now()
	eventually(t, func() bool { return unvisited(start) == 0 })
	for range 5 {
		round := time.Now()
		eventually(t, func() bool { return unvisited(round) == 0 })
		require.Less(t, time.Since(round), bound)
		t.Logf("all 50 tenants were visited again within %s", time.Since(round))
	}
	for _, tenant := range busy {
		l.settled(tenant)
	}
	eventually(t, func() bool {
		return l.count(`select count(*) from dispatch.ledger where oldest_unpublished_at is not null`) == 1
	},
		"what is published is not said to wait any more")
	require.Equal(t,
		l.text(`select min(created_at)::text from %s.events`, paused.SchemaName),
		l.text(`select oldest_unpublished_at::text from dispatch.ledger where tenant_id = '%s'`, paused.ID))
}

func TestAPausedTenantPublishesNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	paused, other := l.tenant(), l.tenant()
	l.execf(`update dispatch.tenants set paused = true where tenant_id = '%s'`, paused.ID)
	l.fill(paused, 10, 2)
	broker, metrics := &recorder{}, newMeter()
	config := fast()
	config.LeaseTTL = 600 * time.Millisecond
	l.run(config, workers.Parts{Publisher: broker, Metrics: workers.NewMetrics(metrics.registry)})

	visits := func(n float64) {
		before := metrics.value(t, "sweep_rounds_total")
		eventually(t, func() bool { return metrics.value(t, "sweep_rounds_total") >= before+n })
	}
	visits(3)
	l.fill(other, 1, 1)
	l.settled(other)
	require.Empty(t, broker.of(paused))
	l.execf(`update dispatch.tenants set paused = false where tenant_id = '%s'`, paused.ID)
	l.settled(paused)
	require.Len(t, broker.of(paused), 10)

	// And one that is at work stops at the next renewal.
	l.fill(paused, 1, 1)
	l.settled(paused)
	require.NotEmpty(t, l.holder(paused))
	renewed := func() string {
		return l.text(`select expires_at::text from dispatch.ledger where tenant_id = '%s'`, paused.ID)
	}
	l.execf(`update dispatch.tenants set paused = true where tenant_id = '%s'`, paused.ID)
	for range 2 { // the first renewal may have begun before
		before := renewed()
		eventually(t, func() bool { return renewed() != before })
	}
	l.fill(paused, 5, 1)
	visits(3)
	require.Len(t, broker.of(paused), 11)
	l.execf(`update dispatch.tenants set paused = false where tenant_id = '%s'`, paused.ID)
	l.settled(paused)
	requireOrder(t, broker.of(paused))
}

// everybody is all tenants of the lab, as its workers know them.
func (l *lab) everybody() []tenants.Tenant {
	l.t.Helper()
	rows, err := l.superuser.Query(l.t.Context(), `select tenant_id::text, slug, schema_name, role_name from dispatch.tenants`)
	require.NoError(l.t, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tenants.Tenant, err error) {
		return t, row.Scan(&t.ID, &t.Slug, &t.SchemaName, &t.RoleName)
	})
	require.NoError(l.t, err)
	return all
}
