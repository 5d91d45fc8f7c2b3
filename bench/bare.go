package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// bareConns is how many connections the bare loop uses.
const bareConns = 8

// bareBatch is how many events it reads at once.
const bareBatch = 500

// bareLoop drains the same tables with nothing around the SQL: no roles, no leases, no turns, no
// handlers. It is the ceiling for a pool on these tables.
func (w *world) bareLoop(ctx context.Context) (float64, error) {
	config := w.owner.Config().Copy()
	config.MaxConns = bareConns
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("open the bare loop's pool: %w", err)
	}
	defer pool.Close()
	var events, next atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range bareConns {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(w.tenants) {
					return nil
				}
				n, err := drainBare(ctx, pool, w.tenants[i].SchemaName)
				if err != nil {
					return err
				}
				events.Add(int64(n))
			}
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(events.Load()) / time.Since(began).Seconds(), nil
}

func drainBare(ctx context.Context, pool *pgxpool.Pool, schema string) (total int, err error) {
	read := fmt.Sprintf(`select m.seq, e.id::text, e.name, e.data::text
		from (select seq from %[1]s.outbox_messages where status = 'unpublished' order by seq limit %[2]d) m
		cross join lateral (select id, name, data from %[1]s.events where events.seq = m.seq limit 1) e`, schema, bareBatch)
	complete := fmt.Sprintf(`update %s.outbox_messages m set status = 'published', published_at = now()
		from unnest($1::bigint[]) as v (seq) where m.seq = v.seq`, schema)
	for {
		seqs, err := readBare(ctx, pool, read)
		if err != nil || len(seqs) == 0 {
			return total, err
		}
		if _, err := pool.Exec(ctx, complete, seqs); err != nil {
			return total, fmt.Errorf("complete a bare batch: %w", err)
		}
		total += len(seqs)
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
