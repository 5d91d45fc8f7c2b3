package workers

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// claimPruning takes the tenants that retention has looked after least lately, so that no other process
// does. It is a statement of its own: the deletions must not hold the rows that leases are renewed in.
func (l *ledger) claimPruning(ctx context.Context, r Retention) ([]string, error) {
	rows, err := l.cluster.Pool().Query(ctx, `
		with due as (
			select tenant_id from dispatch.ledger where pruned_at < now() - make_interval(secs => $1)
			order by pruned_at limit $2 for update skip locked
		)
		update dispatch.ledger l set pruned_at = now() from due where l.tenant_id = due.tenant_id
		returning l.tenant_id::text`, r.Rest.Seconds(), r.Tenants)
	if err != nil {
		return nil, fmt.Errorf("claim tenants to prune: %w", err)
	}
	claimed, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("claim tenants to prune: %w", err)
	}
	return claimed, nil
}

// prune deletes at most one batch of each table of each tenant.
func (l *ledger) prune(ctx context.Context, tenantIDs []string, r Retention) (done pruned, err error) {
	done.tenants = len(tenantIDs)
	err = l.cluster.Visit(ctx, "retention "+tenantIDs[0], len(tenantIDs), func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select tenant_id::text, messages, inbox, attempts, more, passed
			from dispatch.prune($1::uuid[], $2, `+keep(3)+`, `+keep(4)+`, `+keep(5)+`)`,
			tenantIDs, r.Batch, r.Messages.Seconds(), r.Inbox.Seconds(), r.Attempts.Seconds())
		if err != nil {
			return err //nolint:wrapcheck // the one who calls Visit wraps it
		}
		return done.scan(rows)
	})
	if err != nil {
		return pruned{}, fmt.Errorf("prune: %w", err)
	}
	return done, nil
}

// keep is a parameter in seconds as the interval that is kept; zero is for ever.
func keep(parameter int) string {
	return fmt.Sprintf("case when $%[1]d::float8 > 0 then make_interval(secs => $%[1]d::float8) end", parameter)
}

func (d *pruned) scan(rows pgx.Rows) error {
	defer rows.Close()
	for rows.Next() {
		var id string
		var messages, inbox, attempts int64
		var more bool
		var passed int
		if err := rows.Scan(&id, &messages, &inbox, &attempts, &more, &passed); err != nil {
			return err
		}
		d.messages, d.inbox, d.attempts = d.messages+messages, d.inbox+inbox, d.attempts+attempts
		d.passed += passed
		if more {
			d.left = append(d.left, id)
		}
	}
	return rows.Err()
}

// unclaimPruning makes tenants due at once that have more, behind those that are due already.
func (l *ledger) unclaimPruning(ctx context.Context, tenantIDs []string, r Retention) error {
	_, err := l.cluster.Pool().Exec(ctx, `
		with locked as (`+lockLedger+`)
		update dispatch.ledger l set pruned_at = now() - make_interval(secs => $2)
		from locked where l.tenant_id = locked.tenant_id`, tenantIDs, r.Rest.Seconds())
	if err != nil {
		return fmt.Errorf("give back tenants to prune: %w", err)
	}
	return nil
}
