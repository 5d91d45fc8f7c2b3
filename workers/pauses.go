package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// undefinedTable is PostgreSQL's SQLSTATE for a table that is not there.
const undefinedTable = "42P01"

// awaitPauses learns which handlers are paused before any of them is called. While the cluster is away
// there is nothing to do anyway.
func (p *Pool) awaitPauses(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.readPauses(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			p.config.Log.WarnContext(ctx, "the paused handlers could not be read; trying again", "error", err)
		}
		pause(ctx, time.Second)
	}
}

// pauseLoop notices within a third of a lease's time what operators pause and resume, as quickly as it
// notices a tenant's pause. It goes between two renewals, so that an idle pool needs no connection more.
func (p *Pool) pauseLoop(ctx context.Context) error {
	every := p.config.LeaseTTL / renewParts
	pause(ctx, every/2)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := p.readPauses(ctx); err != nil && ctx.Err() == nil {
			p.config.Log.WarnContext(ctx, "the paused handlers could not be read; they stay as they are", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (p *Pool) readPauses(ctx context.Context) error {
	p.ledger.looking.Lock()
	defer p.ledger.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.config.LeaseTTL/renewParts)
	defer cancel()
	names, err := p.ledger.pausedHandlers(ctx)
	if err != nil {
		return err
	}
	if p.holds.setPaused(names) {
		p.config.Log.InfoContext(ctx, "the paused handlers changed", "handlers", names)
	}
	return nil
}

// pausedHandlers are those that an operator paused. A cluster whose dispatch schema is older than this
// program knows of none.
func (l *ledger) pausedHandlers(ctx context.Context) ([]string, error) {
	rows, err := l.cluster.Pool().Query(ctx, "select handler from dispatch.paused_handlers order by handler")
	if err == nil {
		var names []string
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return names, nil
		}
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == undefinedTable {
		return nil, nil
	}
	return nil, fmt.Errorf("read the paused handlers: %w", err)
}
