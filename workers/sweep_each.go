package workers

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/tenants"
)

// sweepEach looks at the tenants of a chunk one by one, after the chunk has failed twice: the one that fails
// is passed over, so that those behind it are found. It shows as not visited.
func (p *Pool) sweepEach(ctx context.Context, after string) (seen []sighting, last string, err error) {
	ids, err := p.chunk(ctx, after)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		one, _, failure := p.sweep(ctx, after, 1)
		if ctx.Err() != nil || tenants.Away(failure) {
			return nil, "", failure
		}
		if failure != nil {
			p.metrics.sweepPassed.Inc()
			p.config.Log.WarnContext(ctx, "the sweep passes a tenant over that it cannot look into", "tenant_id", id, "error", failure)
		}
		seen, after = append(seen, one...), id
	}
	if len(ids) == p.config.SweepChunk {
		last = after
	}
	return seen, last, nil
}

func (p *Pool) chunk(ctx context.Context, after string) ([]string, error) {
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return p.ledger.chunk(ctx, after, p.config.SweepChunk)
}

// chunk are the tenants that one look of the sweep is for.
func (l *ledger) chunk(ctx context.Context, after string, limit int) ([]string, error) {
	rows, err := l.cluster.Reserved().Query(ctx, `
		select tenant_id::text from dispatch.tenants where tenant_id > $1::uuid order by tenant_id limit $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the tenants to look into: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the tenants to look into: %w", err)
	}
	return ids, nil
}
