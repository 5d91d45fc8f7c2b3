package tenants

import (
	"slices"

	"github.com/tenantry/tenantry/app/fault"
)

// Role is what a token lets its bearer do.
type Role string

// The roles that tokens carry.
const (
	// Member reads the tenant's users.
	Member Role = "member"
	// Admin reads and writes all of the tenant.
	Admin Role = "admin"
	// Auditor reads the tenant's users and events.
	Auditor Role = "auditor"
	// Operator runs the service; its tokens name no tenant and reach no tenant's data.
	Operator Role = "operator"
)

// Actor is who asks. It is passed as an argument, so that a service cannot forget it.
type Actor struct {
	// TenantID is the tenant that the token speaks for; empty for an operator.
	TenantID string
	// UserID is the token's subject.
	UserID string
	// Roles are the token's roles.
	Roles []Role
	// RequestID ties the answer, the logs and the events of one request together.
	RequestID string
	// TraceParent is the W3C trace context of the request, empty when there is none.
	TraceParent string
}

// Require returns a Forbidden fault unless the actor has one of the roles.
func (a Actor) Require(roles ...Role) error {
	for _, role := range roles {
		if slices.Contains(a.Roles, role) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "forbidden", "Your role does not allow this.")
}
