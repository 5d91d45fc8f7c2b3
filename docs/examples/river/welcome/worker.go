package welcome

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/tenants"
)

// Recipient is who gets a mail.
type Recipient struct {
	// Name and Email are what the tenant's user is called, and where.
	Name, Email string
}

// Find reads a user of the scope's tenant; a fault.NotFound says that there is no such user there.
type Find func(ctx context.Context, scope *tenants.Scope, userID string) (Recipient, error)

// Send sends the mail. It gets the same key again when the job is repeated, and sends nothing then.
type Send func(ctx context.Context, key string, to Recipient) error

// Worker works the jobs of welcome mails, of all tenants of one cluster.
type Worker struct {
	river.WorkerDefaults[Mail]

	cluster *tenants.Cluster
	find    Find
	send    Send
}

// NewWorker makes the worker of a cluster.
func NewWorker(cluster *tenants.Cluster, find Find, send Send) *Worker {
	return &Worker{cluster: cluster, find: find, send: send}
}

// Work sends one mail. The user is looked for where the job comes from, whatever the job says: a user of
// another tenant does not exist there. Nothing holds a transaction open while the mail is sent.
func (w *Worker) Work(ctx context.Context, job *river.Job[Mail]) error {
	scope, err := jobs.Scope(ctx, w.cluster, job.ID)
	if err != nil {
		return err
	}
	to, err := w.find(ctx, scope, job.Args.UserID)
	if fault.KindOf(err) == fault.NotFound {
		return river.JobCancel(err) //nolint:wrapcheck // River looks for it
	}
	if err != nil {
		return fmt.Errorf("find who gets the mail: %w", err)
	}
	return w.send(ctx, job.Args.EventID, to)
}
