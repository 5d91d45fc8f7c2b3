package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// recorder is a broker that keeps what it was given.
type recorder struct {
	mu     sync.Mutex
	events []workers.Event
}

func (r *recorder) Publish(_ context.Context, events []workers.Event) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
	return make([]error, len(events))
}

// TestEveryWayPublishesEachEventOnceAndAsItsOwnTenant keeps the comparison honest: a baseline that left
// something out, or took one tenant's events for another's, would be fast for the wrong reason.
func TestEveryWayPublishesEachEventOnceAndAsItsOwnTenant(t *testing.T) {
	t.Parallel()
	w, err := openWorld(t.Context(), "")
	require.NoError(t, err)
	defer w.close()
	r := &report{}
	require.NoError(t, w.grow(t.Context(), r, 4))
	l := &lab{world: w, plan: tiny(), report: r, tenants: w.all[:3], spares: w.all[3:]}
	const each = 1200 // more than two batches
	for name, publish := range map[string]way{"pool": pool, "poll-all": pollAll, "first in, first out": firstInFirstOut} {
		require.NoError(t, l.reset(t.Context(), l.tenants, 10, each), name)
		seen := &recorder{}
		rate, err := l.drain(t.Context(), publish, target{publisher: seen}, 3*each)
		require.NoError(t, err, name)
		require.Positive(t, rate, name)
		left, err := l.backlog(t.Context(), l.everyone())
		require.NoError(t, err)
		require.Zero(t, left, name)
		requireOwn(t, w, seen.events, l.tenants, each)
		inOrder := slices.IsSortedFunc(seen.events, func(a, b workers.Event) int { return a.CreatedAt.Compare(b.CreatedAt) })
		require.Equal(t, name == "first in, first out", inOrder, "%s publishes the oldest of all first", name)
		if inOrder {
			require.NotEqual(t, seen.events[0].TenantID, seen.events[1].TenantID, "the tenants' events are of the same time")
		}
	}
}

// requireOwn finds in what was published exactly the events of each tenant, as that tenant's, and in order.
func requireOwn(t *testing.T, w *world, published []workers.Event, among []tenant, each int) {
	t.Helper()
	require.Len(t, published, each*len(among))
	for _, owner := range among {
		rows, err := w.owner.Query(t.Context(), fmt.Sprintf("select id::text from %s.events order by seq offset 10", owner.SchemaName))
		require.NoError(t, err)
		wanted, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		var got []string
		for _, e := range published {
			if e.TenantID == owner.ID {
				require.Equal(t, owner.Slug, e.TenantSlug)
				got = append(got, e.ID)
			}
		}
		require.Equal(t, wanted, got, owner.Slug)
	}
}
