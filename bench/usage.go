package bench

import (
	"context"
	"fmt"
	"time"
)

// usage is what a process and the server used over a while.
type usage struct {
	// process and postgres are the share of a core, in percent; known where the system tells.
	process, postgres float64
	known             bool
	// connections is the most of the application that were seen at one time.
	connections int
	// transactions a second, of which a query by itself is one.
	transactions float64
}

// observe looks at a process, and at PostgreSQL, for a while. It asks from another database, so that its
// own questions are not counted.
func (w *world) observe(ctx context.Context, pid int, application string, duration time.Duration) (usage, error) {
	postmaster, err := w.postmaster(ctx)
	if err != nil {
		return usage{}, err
	}
	before, err := w.transactions(ctx)
	if err != nil {
		return usage{}, err
	}
	began := time.Now()
	process, known := cpuTime(pid, false)
	server, _ := cpuTime(postmaster, true)
	var u usage
	for time.Since(began) < duration {
		n, err := w.connections(ctx, application)
		if err != nil {
			return u, err
		}
		u.connections = max(u.connections, n)
		if err := sleepUntil(ctx, time.Now().Add(observeEvery)); err != nil {
			return u, err
		}
	}
	processAfter, _ := cpuTime(pid, false)
	serverAfter, _ := cpuTime(postmaster, true)
	took := time.Since(began).Seconds()
	after, err := w.transactions(ctx)
	u.known = known
	u.process = 100 * (processAfter - process).Seconds() / took
	u.postgres = 100 * (serverAfter - server).Seconds() / took
	u.transactions = float64(after-before) / took
	return u, err
}

// observeEvery is how often the connections are counted.
const observeEvery = 500 * time.Millisecond

// postmaster is the process whose children are the server's.
func (w *world) postmaster(ctx context.Context) (int, error) {
	var backend int
	if err := w.watcher.QueryRow(ctx, "select pg_backend_pid()").Scan(&backend); err != nil {
		return 0, fmt.Errorf("ask for the backend: %w", err)
	}
	return parentOf(backend), nil
}

func (w *world) transactions(ctx context.Context) (n int64, err error) {
	err = w.watcher.QueryRow(ctx, "select xact_commit + xact_rollback from pg_stat_database where datname = 'tenantry'").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count transactions: %w", err)
	}
	return n, nil
}

// connections are those that go by a name.
func (w *world) connections(ctx context.Context, application string) (n int, err error) {
	err = w.watcher.QueryRow(ctx, `select count(*) from pg_stat_activity
		where datname = 'tenantry' and application_name = $1`, application).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count connections: %w", err)
	}
	return n, nil
}
