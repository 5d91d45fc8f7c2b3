package workers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/tenants"
)

// ledger is the cluster's table of leases and visits. Everything in it is done for many tenants in one
// statement.
type ledger struct {
	cluster *tenants.Cluster
	holder  string
	ttl     time.Duration

	// looking is held by whoever looks into many tenants, or after the server: they take turns, so that
	// an idle pool needs one connection for all of them.
	looking sync.Mutex
}

// grant is the answer to the wish for a lease.
type grant struct {
	lease  Lease
	weight int
	paused bool
	held   bool
	// taken is for how long another process has it; zero when it is free. It is a time span because the
	// clocks of two machines differ.
	taken time.Duration
}

// reclaim gives up what is held in this process's name, and returns it. At the start a former process of
// this name held it: what is won anew after that has a new fence, so that nothing which the former one left
// under way passes for this one's. At the end it is whatever is left.
func (l *ledger) reclaim(ctx context.Context) ([]string, error) {
	rows, err := l.cluster.Reserved().Query(ctx, `
		with locked as (
			select tenant_id from dispatch.ledger
			where holder = $1 and expires_at > '-infinity' order by tenant_id for update
		)
		update dispatch.ledger l set expires_at = '-infinity'
		from locked where l.tenant_id = locked.tenant_id
		returning l.tenant_id::text`, l.holder)
	if err != nil {
		return nil, fmt.Errorf("give up former leases: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("give up former leases: %w", err)
	}
	return ids, nil
}

// heard is what a process learns from the others' heartbeats, and of the coverage.
type heard struct {
	peers              []int    // how many tenants each other live process holds
	orphans            []string // tenants whose holder died
	tenants, unvisited int64
}

// heartbeat tells that this process lives.
func (l *ledger) heartbeat(ctx context.Context, visitWithin time.Duration) (h heard, err error) {
	err = l.cluster.Reserved().QueryRow(ctx, `
		select peers, orphans::text[], tenants, unvisited
		from dispatch.heartbeat($1, make_interval(secs => $2), make_interval(secs => $3))`,
		l.holder, l.ttl.Seconds(), visitWithin.Seconds()).Scan(&h.peers, &h.orphans, &h.tenants, &h.unvisited)
	if err != nil {
		return heard{}, fmt.Errorf("tell that this process lives: %w", err)
	}
	return h, nil
}

// leave forgets this process.
func (l *ledger) leave(ctx context.Context) error {
	if _, err := l.cluster.Reserved().Exec(ctx, `delete from dispatch.workers where holder = $1`, l.holder); err != nil {
		return fmt.Errorf("leave the other workers: %w", err)
	}
	return nil
}

// acquire takes the leases that are free and says of the others until when they are taken.
func (l *ledger) acquire(ctx context.Context, tenantIDs []string) ([]grant, error) {
	rows, err := l.cluster.Reserved().Query(ctx, `
		select tenant_id::text, slug, schema_name, role_name, weight, paused, fence, held,
		       case when expires_at > clock_timestamp()
		            then extract(epoch from expires_at - clock_timestamp())::float8 else 0 end
		from dispatch.acquire($1::uuid[], $2, make_interval(secs => $3))`, tenantIDs, l.holder, l.ttl.Seconds())
	if err != nil {
		return nil, fmt.Errorf("acquire leases: %w", err)
	}
	grants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (grant, error) {
		g := grant{lease: Lease{Holder: l.holder}}
		p := &g.lease.Placement
		var seconds float64
		err := row.Scan(&p.TenantID, &p.Slug, &p.SchemaName, &p.RoleName, &g.weight, &g.paused, &g.lease.Fence, &g.held, &seconds)
		g.taken = time.Duration(seconds * float64(time.Second))
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("acquire leases: %w", err)
	}
	return grants, nil
}

// lockLedger locks the rows of many tenants in the order of their ids, as the sweep does: two statements
// that lock the same rows in different orders would wait for each other.
const lockLedger = `select tenant_id from dispatch.ledger where tenant_id = any ($1::uuid[])
		order by tenant_id for update`

// renewal is what a renewed lease's tenant looks like now.
type renewal struct {
	tenantID string
	slug     string
	weight   int
	paused   bool
}

// renew prolongs leases and notes the visits since the last time. Those missing in the answer are lost.
func (l *ledger) renew(ctx context.Context, tenantIDs []string, fences []int64, visits []*time.Time) ([]renewal, error) {
	rows, err := l.cluster.Reserved().Query(ctx, `
		with locked as (`+lockLedger+`)
		update dispatch.ledger l
		set expires_at = clock_timestamp() + make_interval(secs => $4),
		    last_visited_at = greatest(l.last_visited_at, v.visited)
		from unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) as v (id, fence, visited)
		join dispatch.tenants t on t.tenant_id = v.id
		join locked on locked.tenant_id = v.id
		where l.tenant_id = v.id and l.fence = v.fence and l.holder = $5 and l.expires_at > clock_timestamp()
		returning l.tenant_id::text, t.slug, t.weight, t.paused`,
		tenantIDs, fences, visits, l.ttl.Seconds(), l.holder)
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	renewals, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (renewal, error) {
		var r renewal
		err := row.Scan(&r.tenantID, &r.slug, &r.weight, &r.paused)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	return renewals, nil
}

// release gives leases up, so that another process can take them at once.
func (l *ledger) release(ctx context.Context, tenantIDs []string) error {
	_, err := l.cluster.Reserved().Exec(ctx, `
		with locked as (`+lockLedger+`)
		update dispatch.ledger l set expires_at = '-infinity'
		from locked where l.tenant_id = locked.tenant_id and l.holder = $2`, tenantIDs, l.holder)
	if err != nil {
		return fmt.Errorf("release leases: %w", err)
	}
	return nil
}

// sighting is a tenant that has work, or will have before long.
type sighting struct {
	tenantID string
	oldest   *time.Time
	due      *time.Time
	backlog  int64 // about how many are unpublished
}

// sweep looks into a chunk of tenants after an id. It returns the last id of the chunk, which is empty
// when the round is over.
func (l *ledger) sweep(ctx context.Context, after string, limit int) (seen []sighting, last string, err error) {
	err = l.cluster.Visit(ctx, after, limit, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select tenant_id::text, oldest_unpublished_at, due_at, backlog, last_in_chunk
			from dispatch.sweep($1::uuid, $2)`, after, limit)
		if err != nil {
			return err //nolint:wrapcheck // the one who calls Visit wraps it
		}
		seen, last, err = scanSweep(rows)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("sweep: %w", err)
	}
	return seen, last, nil
}

func scanSweep(rows pgx.Rows) (seen []sighting, last string, err error) {
	defer rows.Close()
	for rows.Next() {
		var s sighting
		var end bool
		if err := rows.Scan(&s.tenantID, &s.oldest, &s.due, &s.backlog, &end); err != nil {
			return nil, "", err
		}
		if end {
			last = s.tenantID
		} else {
			seen = append(seen, s)
		}
	}
	return seen, last, rows.Err()
}
