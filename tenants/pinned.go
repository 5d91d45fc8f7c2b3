package tenants

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pin is something that holds back vacuum in a cluster's database: the dead rows that it may still see
// cannot be cleaned up, in no tenant's tables.
type Pin struct {
	// Kind is session, replica, prepared transaction or replication slot.
	Kind string
	// PID is the server's process, 0 where there is none.
	PID int
	// Name is a prepared transaction's or a slot's.
	Name string
	// Login and Application say whose session it is.
	Login, Application string
	// State is for example "idle in transaction", empty when it cannot be seen.
	State string
	// Age is since when its transaction lasts; zero when that cannot be seen.
	Age time.Duration
	// Transactions is how many transactions began since.
	Transactions int64

	held string
}

// Occurrence is the same as long as it holds back the same.
func (p Pin) Occurrence() string { return fmt.Sprint(p.Kind, " ", p.PID, " ", p.Name, " ", p.held) }

// Pinned lists what holds back vacuum at this moment, also for a moment only, worst first. It never says
// what a session was asked.
func (c *Cluster) Pinned(ctx context.Context) ([]Pin, error) {
	rows, err := c.pool.Query(ctx, `
		select kind, coalesce(pid, 0), name, login, application, state, coalesce(seconds, 0),
		       coalesce(held, ''), coalesce(transactions, 0)
		from dispatch.pinned()`)
	if err != nil {
		return nil, fmt.Errorf("look for what holds back vacuum: %w", err)
	}
	pins, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Pin, error) {
		var p Pin
		var seconds float64
		err := row.Scan(&p.Kind, &p.PID, &p.Name, &p.Login, &p.Application, &p.State, &seconds, &p.held, &p.Transactions)
		p.Age = time.Duration(seconds * float64(time.Second))
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what holds back vacuum: %w", err)
	}
	return pins, nil
}

// SeesStatistics reports whether the ages of other logins' transactions can be seen.
func (c *Cluster) SeesStatistics(ctx context.Context) (bool, error) {
	var sees bool
	err := c.pool.QueryRow(ctx, `select coalesce(bool_and(pg_has_role(p.proowner, 'pg_read_all_stats', 'USAGE')), false)
		from pg_proc p where p.oid = to_regprocedure('dispatch.pinned()')`).Scan(&sees)
	if err != nil {
		return false, fmt.Errorf("ask for the owner's rights: %w", err)
	}
	return sees, nil
}
