package outbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// chainOf makes the deliveries of one ticket to a handler, each in a status, and nobody tries them.
func chainOf(t *testing.T, tenant *apptest.Tenant, handler string, states ...string) []workers.Delivery {
	t.Helper()
	tenant.Settle(t)
	paused(t, tenant)
	k := newTicket(tenant)
	ids := newIDs(t, len(states))
	k.record(t, ids...)
	chain := make([]workers.Delivery, len(states))
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		for i, state := range states {
			err := tx.DB.Raw(`
				with m as (
					update outbox_messages set status = case when $3 = 'failed' then 'failed' else 'retrying' end
					where seq = (select seq from events where id = $1::uuid) returning seq)
				insert into deliveries (seq, event_id, handler, aggregate_type, aggregate_id, status, next_attempt_at, created_at)
				select seq, $1::uuid, $2, 'Ticket', $4::uuid, $3, $5::timestamptz, $5 from m returning seq`,
				ids[i], handler, state, k.id, tx.Now).Scan(&chain[i].Seq).Error
			if err != nil {
				return err
			}
			chain[i].ID, chain[i].Handler, chain[i].LockVersion = ids[i], handler, 1
		}
		return nil
	}))
	return chain
}

// leaseOf is the lease that the running worker holds.
func leaseOf(t *testing.T, tenant *apptest.Tenant) workers.Lease {
	t.Helper()
	lease := workers.Lease{Placement: tenant.Tenant.Placement()}
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), "select holder, fence from dispatch.ledger where tenant_id = $1",
		tenant.Tenant.ID).Scan(&lease.Holder, &lease.Fence))
	return lease
}

func TestChainGoesOnOnlyWhereNothingIsBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler       string
		before, after []string
		end           []int
		failure       *workers.Verdict
	}{
		"the next is tried": {
			"strict", []string{"retrying", "waiting", "waiting"}, []string{"", "retrying", "waiting"}, []int{0}, nil,
		},
		"another is being tried already": {
			"lenient", []string{"retrying", "retrying", "waiting"}, []string{"", "retrying", "waiting"}, []int{0}, nil,
		},
		"both that were tried have succeeded": {
			"lenient", []string{"retrying", "retrying", "waiting"}, []string{"", "", "retrying"}, []int{0, 1}, nil,
		},
		"a dead one is between": {
			"strict", []string{"retrying", "failed", "waiting"}, []string{"", "failed", "waiting"}, []int{0}, nil,
		},
		"a dead one is between and may be passed": {
			"lenient", []string{"retrying", "failed", "waiting"}, []string{"", "failed", "retrying"}, []int{0}, nil,
		},
		"a dead one was passed": {
			"lenient", []string{"failed", "retrying", "waiting"}, []string{"failed", "", "retrying"}, []int{1}, nil,
		},
		"it is dead and may be passed": {
			"lenient",
			[]string{"failed", "retrying", "waiting"},
			[]string{"failed", "failed", "retrying"},
			[]int{1},
			&workers.Verdict{Dead: true, PassDead: true},
		},
		"it is dead and stands in the way": {
			"strict", []string{"retrying", "waiting"}, []string{"failed", "waiting"}, []int{0}, &workers.Verdict{Dead: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := apptest.New(t)
			chain := chainOf(t, tenant, c.handler, c.before...)
			var retried []workers.Retried
			for _, i := range c.end {
				retried = append(retried, workers.Retried{
					Delivery: chain[i], Failure: c.failure, PassDead: c.handler == "lenient",
				})
			}
			source := outbox.NewSource(apptest.Clusters().Home())
			stale, err := source.Complete(t.Context(), leaseOf(t, tenant), nil, retried)
			require.NoError(t, err)
			require.Zero(t, stale)
			found, after := statuses(t, tenant, c.handler), make([]string, len(chain))
			for i, d := range chain {
				after[i] = found[d.ID]
			}
			require.Equal(t, c.after, after)
		})
	}
}

func TestChainIsLeftAloneByWhatIsStale(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	chain := chainOf(t, tenant, "strict", "retrying", "waiting")
	skipped, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, chain[0].ID, "strict")
	require.NoError(t, err)
	require.Equal(t, outbox.Published, skipped.EventStatus)
	old := chain[1] // it was promoted meanwhile, so its version is another
	source := outbox.NewSource(apptest.Clusters().Home())
	stale, err := source.Complete(t.Context(), leaseOf(t, tenant), nil, []workers.Retried{{Delivery: chain[0]}, {Delivery: old}})
	require.NoError(t, err)
	require.Equal(t, 2, stale)
	require.Equal(t, map[string]string{old.ID: outbox.Retrying}, statuses(t, tenant, "strict"))
}

// The messages' states follow those of their deliveries to several handlers.
func TestChainSettlesAnEventWhenItsLastDeliveryDoes(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	chain := chainOf(t, tenant, "strict", "retrying")
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Exec(`insert into deliveries select seq, event_id, 'ledger', aggregate_type, aggregate_id, status,
			attempts, next_attempt_at, last_error, lock_version, created_at from deliveries`).Error
	}))
	other := chain[0]
	other.Handler = "ledger"
	source := outbox.NewSource(apptest.Clusters().Home())
	complete := func(retried ...workers.Retried) {
		stale, err := source.Complete(t.Context(), leaseOf(t, tenant), nil, retried)
		require.NoError(t, err)
		require.Zero(t, stale)
	}
	complete(workers.Retried{Delivery: chain[0], Failure: &workers.Verdict{Attempts: 1}})
	require.Equal(t, outbox.Retrying, messageStatus(t, tenant, other.ID))
	chain[0].LockVersion++
	complete(workers.Retried{Delivery: chain[0], Failure: &workers.Verdict{Attempts: 2, Dead: true}})
	require.Equal(t, outbox.Retrying, messageStatus(t, tenant, other.ID), "the other is tried again")
	complete(workers.Retried{Delivery: other})
	require.Equal(t, outbox.Failed, messageStatus(t, tenant, other.ID))
	skipped, err := newService().Skip(t.Context(), apptest.Operator(), tenant.Slug, other.ID, "strict")
	require.NoError(t, err)
	require.Equal(t, outbox.Published, skipped.EventStatus)
}
