package outbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/workers"
)

// tornChains are those that break the rules of a chain: a delivery is tried only when none is before it,
// unless the handler passes the dead, which may be replayed behind what passed them; and one that waits
// has something before it to wait for.
const tornChains = `
	select format('%%s %%s of %%s', r.handler, r.seq, r.aggregate_id) from %[1]s.deliveries r
	where r.status = 'retrying' and r.handler <> 'lenient' and exists (
		select 1 from %[1]s.deliveries b
		where b.aggregate_type = r.aggregate_type and b.aggregate_id = r.aggregate_id and b.handler = r.handler
		  and b.seq < r.seq)
	union all
	select format('%%s %%s of %%s waits for nothing', w.handler, w.seq, w.aggregate_id) from %[1]s.deliveries w
	where w.status = 'waiting' and not exists (
		select 1 from %[1]s.deliveries b
		where b.aggregate_type = w.aggregate_type and b.aggregate_id = w.aggregate_id and b.handler = w.handler
		  and b.seq < w.seq and (b.status = 'retrying' or b.handler <> 'lenient'))`

// Operators replay, skip nothing and republish while the worker tries, parks and gives up: every handler
// gets every event, those of one ticket in order, and no chain is torn at any moment.
func TestReplayAndWorkerDoNotTearChains(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	desk.disturb(tenant.Tenant.ID)
	tickets, all := make([]*ticket, 12), make([][]string, 12)
	for i := range tickets {
		tickets[i], all[i] = newTicket(tenant), newIDs(t, 15)
	}

	ctx, stop := context.WithCancel(t.Context())
	var operators sync.WaitGroup
	for range 3 {
		operators.Go(func() { replayUntil(ctx, t, tenant) })
	}
	operators.Go(func() { lookUntil(ctx, t, tenant) })
	for n := range all[0] {
		for i, k := range tickets {
			k.record(t, all[i][n])
		}
	}
	republish(t, tenant, lately())
	desk.calm(tenant.Tenant.ID)
	awaitDelivered(t, tenant)
	stop()
	operators.Wait()

	for _, ids := range all {
		require.Equal(t, ids, firsts(desk.takenBy("strict", ids...)))
		require.Equal(t, ids, firsts(desk.takenBy("ledger", ids...)))
		require.ElementsMatch(t, ids, firsts(desk.takenBy("lenient", ids...)), "it passes what is dead")
	}
}

// disturb makes the handlers of a tenant fail now and then, for a while or for good.
func (r *reactions) disturb(tenantID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decide[tenantID] = func(string, workers.Event) error {
		switch rand.IntN(8) {
		case 0:
			return errNever
		case 1:
			return errLater
		default:
			return nil
		}
	}
}

func (r *reactions) calm(tenantID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.decide, tenantID)
}

func replayUntil(ctx context.Context, t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	service := newService() //nolint:contextcheck // the program that it starts outlives the test
	for ctx.Err() == nil {
		_, err := service.Replay(ctx, apptest.Operator(), tenant.Slug, outbox.Selection{All: true})
		if ctx.Err() == nil && fault.KindOf(err) != fault.Unavailable && err != nil {
			t.Errorf("replay: %v", err)
			return
		}
		select { // operators leave the worker a moment with the lock
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lookUntil looks for torn chains in one snapshot after the other.
func lookUntil(ctx context.Context, t *testing.T, tenant *apptest.Tenant) {
	t.Helper()
	query := fmt.Sprintf(tornChains, tenant.Tenant.SchemaName)
	pool := apptest.Superuser(t) //nolint:contextcheck // likewise
	looks := 0
	for ; ctx.Err() == nil; looks++ {
		var torn []string
		rows, err := pool.Query(ctx, "select array_agg(torn) from ("+query+") as t (torn)")
		if err != nil {
			continue
		}
		for rows.Next() {
			err = rows.Scan(&torn)
		}
		rows.Close()
		if err == nil && len(torn) > 0 {
			t.Errorf("torn: %v", torn)
			return
		}
	}
	t.Logf("no chain was torn in %d looks", looks)
}

// firsts keeps the first of each: an external handler may get an event again.
func firsts(ids []string) []string {
	var first []string
	for _, id := range ids {
		if !slices.Contains(first, id) {
			first = append(first, id)
		}
	}
	return first
}
