package workers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// asTenant runs a statement as the tenant's own role, as an SQL injection into one of its requests would.
func (l *lab) asTenant(tenant tenants.Tenant, statement string) {
	l.t.Helper()
	require.NoError(l.t, l.cluster.Scope(tenant.Placement()).Transact(l.t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec(statement).Error
	}), statement)
}

// TestATenantsRowsDoNotStopTheSweep: a tenant's role writes its own outbox, also times that no process can
// read, and numbers whose difference is no bigint. Its neighbours' events are found all the same.
func TestATenantsRowsDoNotStopTheSweep(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a message before all time":    `insert into outbox_messages (seq, created_at) values (-1, '-infinity')`,
		"a message after all time":     `insert into outbox_messages (seq, created_at) values (-1, 'infinity')`,
		"a message of another era":     `insert into outbox_messages (seq, created_at) values (-1, '4713-01-01 BC')`,
		"a message of a far year":      `insert into outbox_messages (seq, created_at) values (-1, '294276-12-31')`,
		"a delivery before all time":   parked("-infinity"),
		"a delivery after all time":    parked("infinity"),
		"a delivery of a far year":     parked("294276-12-31"),
		"a delivery of another era":    parked("4713-01-01 BC"),
		"messages too far apart":       `insert into outbox_messages (seq, created_at) values (-9223372036854775808, now()), (9223372036854775807, now())`,
		"a message without its event":  `insert into outbox_messages (seq, created_at) values (-1, now())`,
		"an event that was after time": endless,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, broker := newLab(t), &recorder{}
			before, hostile, after := l.tenant(), l.tenant(), l.tenant()
			l.asTenant(hostile, statement)
			l.run(fast(), workers.Parts{Publisher: broker})
			for range 2 { // in the first round and in a later one
				had := len(broker.of(before)) + len(broker.of(after))
				l.fill(before, 1, 1) // without a hint
				l.fill(after, 1, 1)
				eventually(t, func() bool { return len(broker.of(before))+len(broker.of(after)) >= had+2 })
				l.settled(before)
				l.settled(after)
			}
			eventually(t, func() bool {
				return l.count("select count(*) from dispatch.ledger where last_visited_at is null") == 0
			}, "the tenant itself is visited too")
			require.Zero(t, l.count(`select count(*) from dispatch.ledger where backlog < 0
				or not isfinite(oldest_unpublished_at) or oldest_unpublished_at not between 'epoch' and now()`))
		})
	}
}

func parked(at string) string {
	return `insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, next_attempt_at, created_at)
		values (-1, gen_random_uuid(), 'mailer', 'Thing', gen_random_uuid(), 'retrying', '` + at + `', '` + at + `')`
}

// endless is an event that was recorded after all time, with its message.
const endless = `with e as (
		insert into events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
		values (gen_random_uuid(), 'Thing.changed', 'Thing', gen_random_uuid(), 1, 'tester', '', '{}', 'infinity')
		returning seq, created_at)
	insert into outbox_messages (seq, created_at) select seq, created_at from e`
