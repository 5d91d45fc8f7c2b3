package workers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// pruning keeps everything for an hour, and looks without pauses.
func pruning(batch int) workers.Config {
	config := fast()
	config.Retention = workers.Retention{
		Messages: time.Hour, Inbox: time.Hour, Attempts: time.Hour,
		Rest: time.Hour, Batch: batch, Pause: time.Millisecond, Idle: time.Millisecond,
	}
	return config
}

// history writes n published events that were recorded so long ago, each applied by the handler "keeper"
// and with a failed attempt. Their ids are those that were made then.
func (l *lab) history(tenant tenants.Tenant, n int, ago string) {
	l.t.Helper()
	l.execf(`with e as (
			insert into %[1]s.events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
			select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
			        || '8' || substr(md5(random()::text), 1, 15))::uuid,
			       'Thing.changed', 'Thing', gen_random_uuid(), 1, 'tester', '', '{}', at
			from (select clock_timestamp() - interval '%[3]s' + i * interval '1 millisecond' as at from generate_series(1, %[2]d) i) t
			returning seq, id, created_at
		), m as (
			insert into %[1]s.outbox_messages (seq, status, attempts, created_at, published_at)
			select seq, 'published', 1, created_at, created_at + interval '1 second' from e
		), a as (
			insert into %[1]s.delivery_attempts (seq, handler, attempt, started_at, took_ms, error)
			select seq, 'keeper', 1, created_at, 1, 'away' from e
		)
		insert into %[1]s.inbox (event_id, handler, applied_at) select id, 'keeper', created_at from e`,
		tenant.SchemaName, n, ago)
	l.execf("update dispatch.ledger set pruned_at = '-infinity' where tenant_id = '%s'", tenant.ID) // as if it was there then
}

// kept counts the rows of a tenant's tables.
func (l *lab) kept(tenant tenants.Tenant) (messages, inbox, attempts int) {
	l.t.Helper()
	all := func(table string) int { return l.count("select count(*) from %s.%s", tenant.SchemaName, table) }
	return all("outbox_messages"), all("inbox"), all("delivery_attempts")
}

// looked waits until retention has looked after a tenant, and left nothing.
func (l *lab) looked(tenant tenants.Tenant) {
	l.t.Helper()
	eventually(l.t, func() bool {
		return l.count(`select count(*) from dispatch.ledger
			where tenant_id = '%s' and pruned_at > now() - interval '59 minutes'`, tenant.ID) == 1
	})
}

// unpruned is how many messages retention would still find.
func (l *lab) unpruned(tenant tenants.Tenant) int {
	l.t.Helper()
	return l.count(`select count(*) from %s.outbox_messages where status = 'published' and created_at < now() - interval '1 hour'`,
		tenant.SchemaName)
}

func TestRetentionDeletesWhatIsOldInBoundedBatches(t *testing.T) {
	t.Parallel()
	l, broker, metrics := newLab(t), &recorder{}, newMeter()
	tenant, other := l.tenant(), l.tenant()
	l.history(tenant, 105, "2 hours")
	l.history(tenant, 3, "10 minutes")
	l.history(other, 4, "10 minutes")
	l.run(pruning(10), workers.Parts{Publisher: broker, Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return l.unpruned(tenant) == 0 })
	l.looked(tenant)
	l.looked(other)
	messages, inbox, attempts := l.kept(tenant)
	require.Equal(t, []int{3 + onboarding(l, tenant), 3, 3}, []int{messages, inbox, attempts})
	messages, inbox, attempts = l.kept(other)
	require.Equal(t, []int{4 + onboarding(l, other), 4, 4}, []int{messages, inbox, attempts})
	require.Equal(t, 108+onboarding(l, tenant), l.count("select count(*) from %s.events", tenant.SchemaName), "events are kept for ever")
	require.InDelta(t, 3*105, metrics.value(t, "pruned_rows_total"), 0)
	require.GreaterOrEqual(t, metrics.value(t, "prune_seconds"), 11.0, "one batch at a time")
	require.Zero(t, metrics.value(t, "prune_passed_total"))
}

// onboarding is how many events a fresh tenant has from its onboarding.
func onboarding(l *lab, tenant tenants.Tenant) int {
	l.t.Helper()
	return l.count("select count(*) from %s.events where aggregate_type <> 'Thing'", tenant.SchemaName)
}

func TestRetentionNeverDeletesWhatIsStillOfUse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant, bystander := l.tenant(), l.tenant()
	l.history(tenant, 8, "2 hours")
	l.execf(`update dispatch.tenants set paused = true where tenant_id = '%s'`, tenant.ID)
	message := func(place int, set string) {
		l.execf(`update %[1]s.outbox_messages set %[3]s where seq = (
			select seq from %[1]s.outbox_messages where created_at < now() - interval '1 hour' order by seq offset %[2]d - 1 limit 1)`,
			tenant.SchemaName, place, set)
	}
	delivery := func(place int, handler, status string) {
		l.execf(`insert into %[1]s.deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, next_attempt_at, created_at)
			select seq, id, '%[3]s', aggregate_type, aggregate_id, '%[4]s', now() + interval '1 hour', created_at from %[1]s.events
			where aggregate_type = 'Thing' order by seq offset %[2]d - 1 limit 1`, tenant.SchemaName, place, handler, status)
	}
	message(1, "status = 'unpublished', published_at = null")
	message(2, "status = 'retrying', published_at = null")
	delivery(2, "keeper", "retrying")
	message(3, "status = 'failed', published_at = null")
	delivery(3, "keeper", "failed")
	message(4, "status = 'failed', published_at = null")
	delivery(4, "other", "failed") // its handler "keeper" gets it no more
	message(5, "published_at = now()")
	delivery(6, "keeper", "waiting") // a message that calls itself published all the same
	// 7 is plain. 8 has an id that says nothing of its time, and was applied just now.
	l.execf(`update %[1]s.inbox set event_id = '00000000-0000-4000-8000-000000000000', applied_at = now()
		where event_id = (select id from %[1]s.events where aggregate_type = 'Thing' order by seq offset 7 limit 1)`, tenant.SchemaName)

	l.run(pruning(3), workers.Parts{Publisher: &recorder{}})
	l.looked(bystander)
	eventually(t, func() bool { return l.count("select count(*) from %s.delivery_attempts", tenant.SchemaName) == 0 })
	l.looked(tenant)
	place := `(select count(*) from ` + tenant.SchemaName + `.events p where p.aggregate_type = 'Thing' and p.seq <= e.seq)`
	require.Equal(t, "1,2,3,4,5,6", l.text(`select string_agg(%[2]s::text, ',' order by e.seq) from %[1]s.events e
		join %[1]s.outbox_messages m on m.seq = e.seq where e.aggregate_type = 'Thing'`, tenant.SchemaName, place))
	require.Equal(t, "1,2,3,6", l.text(`select string_agg(%[2]s::text, ',' order by e.seq) from %[1]s.events e
		join %[1]s.inbox i on i.event_id = e.id`, tenant.SchemaName, place))
	require.Equal(t, 5, l.count("select count(*) from %s.inbox", tenant.SchemaName), "and the one that was applied just now")
}

// TestWhatIsKeptDoesNotStandBeforeWhatCanGo: after an outage many old messages in a row are kept, because
// they were published late, or are called published and still have a delivery.
func TestWhatIsKeptDoesNotStandBeforeWhatCanGo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.history(tenant, 25, "3 hours")
	l.history(tenant, 15, "2 hours")
	l.execf(`update %[1]s.outbox_messages set published_at = now() where created_at < now() - interval '150 minutes'`, tenant.SchemaName)
	l.execf(`with kept as (update %[1]s.outbox_messages set published_at = created_at
			where seq in (select seq from %[1]s.outbox_messages where created_at < now() - interval '150 minutes' order by seq limit 12)
			returning seq)
		insert into %[1]s.deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, next_attempt_at, created_at)
		select e.seq, e.id, 'keeper', e.aggregate_type, e.aggregate_id, 'failed', now(), now()
		from kept join %[1]s.events e using (seq)`, tenant.SchemaName)
	l.run(pruning(10), workers.Parts{Publisher: &recorder{}})
	eventually(t, func() bool { return l.unpruned(tenant) == 25 })
	l.looked(tenant)
	require.Equal(t, 13, l.count(`select count(*) from %s.outbox_messages
		where created_at < now() - interval '150 minutes' and published_at > now() - interval '1 hour'`, tenant.SchemaName))
	require.Equal(t, 12, l.count(`select count(*) from %[1]s.outbox_messages m join %[1]s.deliveries d using (seq)`, tenant.SchemaName))
}

func TestRetentionIsOffByDefaultAndKeepsForEverWhatIsZero(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant := l.tenant()
	l.history(tenant, 5, "20 years")
	l.run(fast(), workers.Parts{Publisher: &recorder{}})
	config := pruning(100)
	config.Retention.Messages, config.Retention.Inbox = 0, 0
	l.run(config, workers.Parts{Publisher: &recorder{}})
	eventually(t, func() bool { return l.count("select count(*) from %s.delivery_attempts", tenant.SchemaName) == 0 })
	messages, inbox, _ := l.kept(tenant)
	require.Equal(t, []int{5 + onboarding(l, tenant), 5}, []int{messages, inbox})
}

// TestRetentionPassesOverWhatIsLocked and goes on with the others, and with the tenant's other tables.
func TestRetentionPassesOverWhatIsLocked(t *testing.T) {
	t.Parallel()
	l, metrics := newLab(t), newMeter()
	locked, free := l.tenant(), l.tenant()
	l.history(locked, 5, "2 hours")
	l.history(free, 5, "2 hours")
	tx, err := l.superuser.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), "lock table "+locked.SchemaName+".inbox in access exclusive mode")
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select 1 from "+locked.SchemaName+".outbox_messages for update")
	require.NoError(t, err)

	l.run(pruning(10), workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})
	l.looked(locked)
	l.looked(free)
	eventually(t, func() bool { return metrics.value(t, "prune_passed_total") == 2 })
	eventually(t, func() bool { return l.unpruned(free) == 0 })
	require.Equal(t, 5, l.unpruned(locked))
	require.Zero(t, l.count("select count(*) from %s.delivery_attempts", locked.SchemaName))
	require.NoError(t, tx.Rollback(t.Context()))
	l.execf("alter table %s.delivery_attempts rename to elsewhere", locked.SchemaName) // as before its migration
	l.execf("update dispatch.ledger set pruned_at = '-infinity'")
	eventually(t, func() bool { return l.unpruned(locked) == 0 }, "it has its turn when it is free")
	eventually(t, func() bool { return metrics.value(t, "prune_passed_total") == 3 })
}

// TestPublishingGoesOnWhileRetentionWorks has a worker publish a tenant of whom much is to be deleted.
func TestPublishingGoesOnWhileRetentionWorks(t *testing.T) {
	t.Parallel()
	l, broker := newLab(t), &recorder{}
	tenant := l.tenant()
	l.history(tenant, 4000, "2 hours")
	l.fill(tenant, 500, 20)
	config := pruning(50)
	config.Retention.Pause = 5 * time.Millisecond
	l.run(config, workers.Parts{Publisher: broker})
	eventually(t, func() bool { return l.unpruned(tenant) < 4000 }, "it has begun")
	for round := range 5 {
		l.fill(tenant, 20, 20)
		eventually(t, func() bool { return len(broker.of(tenant)) >= 500+20*(round+1) })
	}
	l.settled(tenant)
	eventually(t, func() bool { return l.unpruned(tenant) == 0 })
	require.Equal(t, 600, l.withStatus(tenant, "published")-onboarding(l, tenant), "what was published just now is kept")
}

// TestProcessesDivideThePruning: each tenant is claimed by one of them, and none is left out.
func TestProcessesDivideThePruning(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(6)
	for _, tenant := range all {
		l.history(tenant, 40, "2 hours")
	}
	config := pruning(5)
	config.Retention.Tenants = 1
	one, two := newMeter(), newMeter()
	l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(one.registry)})
	l.run(config, workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(two.registry)})
	for _, tenant := range all {
		eventually(t, func() bool { return l.unpruned(tenant) == 0 })
		l.looked(tenant)
	}
	eventually(t, func() bool {
		return one.value(t, "pruned_rows_total")+two.value(t, "pruned_rows_total") == 6*40*3
	}, "nothing is counted twice")
}

// TestAPruningThatDiesIsDoneAgain: what was claimed is due again after its rest, by whomever.
func TestAPruningThatDiesIsDoneAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.tenants(3)
	for _, tenant := range all {
		l.history(tenant, 2000, "2 hours")
	}
	config := pruning(20)
	config.Retention.Rest = 200 * time.Millisecond
	l.run(config, workers.Parts{Publisher: &recorder{}})
	for range 5 {
		before := l.unpruned(all[0])
		eventually(t, func() bool { return l.unpruned(all[0]) < before })
		l.execf(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tenantry_app' and datname = '%s'`, l.database)
	}
	for _, tenant := range all {
		eventually(t, func() bool { return l.unpruned(tenant) == 0 })
		_, inbox, attempts := l.kept(tenant)
		require.Equal(t, []int{0, 0}, []int{inbox, attempts})
	}
}

// TestATenantsRoleCannotPrune: what runs as the owner is for the application's login alone.
func TestATenantsRoleCannotPrune(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	tenant, victim := l.tenant(), l.tenant()
	l.history(victim, 1, "2 hours")
	for _, statement := range []string{
		fmt.Sprintf(`select passed from dispatch.prune(array['%s']::uuid[], 10, '1 hour', '1 hour', '1 hour')`, victim.ID),
		fmt.Sprintf(`select gone from dispatch.delete_old('select 1, 1 from %s.users', '1 hour', 1)`, victim.SchemaName),
		`select pid from dispatch.pinned()`,
	} {
		err := l.cluster.Scope(tenant.Placement()).Transact(t.Context(), func(tx *tenants.Tx) error { return tx.DB.Exec(statement).Error })
		require.ErrorContains(t, err, "permission denied", statement)
	}
	_, err := l.cluster.Pool().Exec(t.Context(), `select gone from dispatch.delete_old('select 1, 1', '1 hour', 1)`)
	require.ErrorContains(t, err, "permission denied", "it runs any statement as whoever calls it")
	require.Equal(t, 1, l.unpruned(victim))
}
