// Package jobs is River beside Tenantry: its tables in a schema of their own on each cluster, and who may
// do what with them. A tenant's role adds jobs for its own tenant, in its own transaction, and sees no
// other tenant's; the program works all of them, each for the tenant that PostgreSQL wrote beside it.
package jobs

import (
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tenantry/tenantry/tenants"
)

const (
	// Schema holds River's tables, on every cluster: a job commits with its tenant's rows.
	Schema = "jobs"
	// Queue is the one that tenants' jobs go to, and the only one that a tenant's role may add to. Jobs of
	// the program itself have others, so that no tenant can start them.
	Queue = "tenants"
)

// maxWorkers bounds the jobs that one process works at a time; each may hold a connection.
const maxWorkers = 4

// NewInserter makes the client that handlers add jobs with, through InsertTx and the transaction that they
// were given. It needs no pool of its own and is safe for concurrent use.
func NewInserter() (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(quiet{riverpgxv5.New(nil)}, &river.Config{Schema: Schema})
	if err != nil {
		return nil, fmt.Errorf("make a client that inserts: %w", err)
	}
	return client, nil
}

// NewWorker makes the client that works the tenants' jobs of one cluster, with the application's login.
// It polls: nobody is notified of a job, and a listener would not pass a pooler. River's indexes are the
// owner's to rebuild.
func NewWorker(cluster *tenants.Cluster, workers *river.Workers, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(riverpgxv5.New(cluster.Pool()), &river.Config{
		Schema:              Schema,
		Queues:              map[string]river.QueueConfig{Queue: {MaxWorkers: maxWorkers}},
		Workers:             workers,
		Logger:              log,
		PollOnly:            true,
		ReindexerIndexNames: []string{},
	})
	if err != nil {
		return nil, fmt.Errorf("make a client that works: %w", err)
	}
	return client, nil
}

// quiet is River's driver without notifications: a tenant's role may send none, because they reach every
// listener of the database.
type quiet struct{ *riverpgxv5.Driver }

// SupportsListenNotify says no, whatever the server could do.
func (quiet) SupportsListenNotify() bool { return false }

// SupportsListener says no, too.
func (quiet) SupportsListener() bool { return false }
