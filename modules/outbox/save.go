// Package outbox saves aggregates together with their events, and carries the events of every tenant
// to the broker and the handlers.
package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// errNoEvents means that a verb forgot to record what it did: a change without an event is a defect.
var errNoEvents = errors.New("outbox: an aggregate is saved with the events of its change, and it has none")

// errEventName means that a name cannot be part of a subject: the broker would never take the event.
var errEventName = errors.New("outbox: an event's name is words of letters, digits, - and _ with dots between, at most 100 characters")

var eventName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}(\.[A-Za-z0-9_-]{1,49}){0,8}$`)

// Save writes an aggregate and the events that it recorded, in the transaction it is given: an insert
// when it was never saved, else an update that succeeds only if nobody changed the row since it was
// loaded. A lost race is a fault of kind Stale. The events' version is the new lock version.
func Save(tx *tenants.Tx, actor tenants.Actor, agg aggregate.Aggregate) error {
	root := agg.AggregateRoot()
	if len(root.Recorded()) == 0 {
		return errNoEvents
	}
	if root.LockVersion == 0 {
		return create(tx, actor, agg)
	}
	loaded := root.LockVersion
	root.LockVersion++
	result := tx.DB.Model(agg).Select("*").Omit("id", "created_at"). //nolint:unqueryvet // all fields are written, none is read
										Where("lock_version = ?", loaded).Updates(agg)
	if result.Error != nil || result.RowsAffected != 1 {
		root.LockVersion = loaded
	}
	if result.Error != nil {
		return fmt.Errorf("update %s: %w", agg.AggregateType(), result.Error)
	}
	if result.RowsAffected != 1 {
		return stale()
	}
	return record(tx, actor, agg)
}

func create(tx *tenants.Tx, actor tenants.Actor, agg aggregate.Aggregate) error {
	agg.AggregateRoot().LockVersion = 1
	if err := tx.DB.Create(agg).Error; err != nil {
		agg.AggregateRoot().LockVersion = 0
		return fmt.Errorf("insert %s: %w", agg.AggregateType(), err)
	}
	return record(tx, actor, agg)
}

// Delete removes an aggregate and writes the events of it, under the same rule as Save. The events'
// version is one more than the last, since a deletion is a change too.
func Delete(tx *tenants.Tx, actor tenants.Actor, agg aggregate.Aggregate) error {
	root := agg.AggregateRoot()
	if len(root.Recorded()) == 0 {
		return errNoEvents
	}
	result := tx.DB.Where("lock_version = ?", root.LockVersion).Delete(agg)
	if result.Error != nil {
		return fmt.Errorf("delete %s: %w", agg.AggregateType(), result.Error)
	}
	if result.RowsAffected != 1 {
		return stale()
	}
	root.LockVersion++
	return record(tx, actor, agg)
}

func stale() error {
	return fault.New(fault.Stale, "stale_version", "Somebody changed it since you read it; read it again and decide anew.")
}

// record inserts the events and their outbox messages in one statement, after the versioned write: so
// seq ascends in commit order within an aggregate.
func record(tx *tenants.Tx, actor tenants.Actor, agg aggregate.Aggregate) error {
	root := agg.AggregateRoot()
	events := root.Recorded()
	rows := make([]string, 0, len(events))
	args := make([]any, 0, len(events)*10)
	for _, event := range events {
		if !eventName.MatchString(event.Name) {
			return fmt.Errorf("%w: %q", errEventName, event.Name)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make an event id: %w", err)
		}
		data, err := json.Marshal(event.Data)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", event.Name, err)
		}
		rows = append(rows, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
		args = append(args, id.String(), event.Name, agg.AggregateType(), root.ID, root.LockVersion,
			actor.UserID, actor.RequestID, actor.TraceParent, string(data), tx.Now)
	}
	if err := tx.DB.Exec(insertEvents(rows), args...).Error; err != nil {
		return fmt.Errorf("insert the events of %s: %w", agg.AggregateType(), err)
	}
	root.Forget()
	tx.Touch()
	return nil
}

func insertEvents(rows []string) string {
	return `with e as (
		insert into events (id, name, aggregate_type, aggregate_id, aggregate_version,
		                    actor_id, request_id, traceparent, data, created_at)
		values ` + strings.Join(rows, ", ") + ` returning seq, created_at)
		insert into outbox_messages (seq, created_at) select seq, created_at from e`
}
