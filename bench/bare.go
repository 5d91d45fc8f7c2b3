package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// bareLoop drains the same tables with nothing around the SQL: no roles, no leases, no turns, no
// handlers, and of each event only what a consumer would need. It is the ceiling for a pool on these
// tables. When it is through it waits for the end.
func bareLoop(ctx context.Context, l *lab, t target) (runner, error) {
	pool, err := l.bare(ctx)
	if err != nil {
		return nil, err
	}
	n := &naive{pool, t}
	return func(ctx context.Context) error {
		defer pool.Close()
		if err := n.drainAll(ctx, l.tenants); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}, nil
}

func (n *naive) drainAll(ctx context.Context, all []tenant) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range bareConns {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return nil
				}
				if err := n.drainBare(ctx, all[i].SchemaName); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func (n *naive) drainBare(ctx context.Context, schema string) error {
	sql := fmt.Sprintf(`select m.seq, e.id::text, e.name, e.data::text
		from (select seq from %[1]s.outbox_messages where status = 'unpublished' order by seq limit %[2]d) m
		cross join lateral (select id, name, data from %[1]s.events where events.seq = m.seq limit 1) e`, schema, bareBatch)
	for {
		seqs, err := readBare(ctx, n.pool, sql)
		if err != nil || len(seqs) == 0 {
			return err
		}
		if err := n.complete(ctx, schema, seqs); err != nil {
			return err
		}
	}
}

func readBare(ctx context.Context, pool *pgxpool.Pool, sql string) ([]int64, error) {
	rows, err := pool.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read a bare batch: %w", err)
	}
	defer rows.Close()
	seqs := make([]int64, 0, bareBatch)
	for rows.Next() {
		var seq int64
		var id, name, data string
		if err := rows.Scan(&seq, &id, &name, &data); err != nil {
			return nil, fmt.Errorf("scan a bare batch: %w", err)
		}
		seqs = append(seqs, seq)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read a bare batch: %w", err)
	}
	return seqs, nil
}
