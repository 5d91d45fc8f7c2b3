package tenants

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/aggregate"
)

// record writes what an operator did to a tenant, in the commit of the change itself.
func (r *Registry) record(db *gorm.DB, actor Actor, tenantID, name string, data any) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an event id: %w", err)
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", name, err)
	}
	err = db.Exec(`insert into control.events (id, name, tenant_id, actor_id, request_id, data, created_at)
		values (?, ?, ?, ?, ?, ?, ?)`, id.String(), name, tenantID, actor.UserID, actor.RequestID, string(encoded), r.home.Now()).Error
	if err != nil {
		return fmt.Errorf("record event %s: %w", name, err)
	}
	return nil
}

// changed is the data of an event that tells of changes.
type changed struct {
	Changes map[string]aggregate.Change `json:"changes"`
}

// statusChanged is the data of an event that tells of a new status.
func statusChanged(from, to Status) changed {
	return changed{Changes: map[string]aggregate.Change{"status": {From: from, To: to}}}
}
