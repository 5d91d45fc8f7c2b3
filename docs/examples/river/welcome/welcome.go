// Package welcome greets new users by mail. Its handler adds a River job in the transaction of its inbox
// row, and its worker sends the mail.
package welcome

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/modules/user/userevents"
	"github.com/tenantry/tenantry/tenants"
)

// HandlerName is the handler's name in inboxes and deliveries. It never changes.
const HandlerName = "welcome-mail"

// Mail is the job of one welcome mail. It says nothing of the tenant, which PostgreSQL knows better, and
// holds no address, which the worker reads when it needs it.
type Mail struct {
	// UserID is who is greeted.
	UserID string `json:"user_id"`
	// EventID is the event that it comes of: the mail's idempotency key, since a job may run twice.
	EventID string `json:"event_id"`
}

// Kind is the job's name in River's tables. It never changes.
func (Mail) Kind() string { return "welcome_mail" }

// InsertOpts sends the job to the tenants' queue.
func (Mail) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: jobs.Queue} }

// Module is the module's table of contents.
func Module(inserter *river.Client[pgx.Tx]) module.Module {
	return module.Module{Name: "welcome", Handlers: []module.Handler{{
		Name: HandlerName, Events: []string{userevents.NameCreated}, Transactional: enqueue(inserter),
	}}}
}

// enqueue adds the job in the tenant's transaction: it is there if and only if the inbox row is, so a
// repeated event adds no second one.
func enqueue(inserter *river.Client[pgx.Tx]) func(context.Context, *tenants.Tx, module.Event) error {
	return func(ctx context.Context, tx *tenants.Tx, event module.Event) error {
		_, err := inserter.InsertTx(ctx, tx.Pgx(), Mail{UserID: event.AggregateID, EventID: event.ID}, nil)
		if err != nil {
			return fmt.Errorf("add the job of a welcome mail: %w", err)
		}
		return nil
	}
}
