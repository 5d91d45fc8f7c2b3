package outbox

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// Service is what operators do with the outboxes of tenants. Each verb checks the actor's role. What it
// is to change is recorded in the control schema before, because the two may be on different servers:
// so nothing is done that is not recorded.
type Service struct {
	clusters *tenants.Clusters
	tenants  *tenants.Service
	handlers []workers.Handler
}

// NewService makes the operator's service over the outboxes of all clusters. The handlers are those of the
// program.
func NewService(clusters *tenants.Clusters, service *tenants.Service, handlers ...workers.Handler) *Service {
	return &Service{clusters: clusters, tenants: service, handlers: handlers}
}

// enter finds a tenant that has an outbox, and the way to it.
func (s *Service) enter(
	ctx context.Context, actor tenants.Actor, slug string,
) (tenants.Tenant, *tenants.Scope, error) {
	tenant, err := s.tenants.Get(ctx, actor, slug)
	if err != nil {
		return tenants.Tenant{}, nil, err
	}
	if tenant.Status == tenants.Provisioning {
		return tenants.Tenant{}, nil, notOnboarded()
	}
	scope, err := s.tenants.ScopeOf(tenant)
	return tenant, scope, err
}

func notOnboarded() error {
	return fault.New(fault.Conflict, "tenant_status", "The tenant is still being onboarded; it has no outbox yet.")
}

// eventSeqs finds events of the tenant by their ids. Those that it does not have are a NotFound that
// names them, also when they are another tenant's.
func eventSeqs(ctx context.Context, scope *tenants.Scope, ids []string) (map[string]int64, error) {
	seqs := make(map[string]int64, len(ids))
	err := scope.Transact(ctx, func(tx *tenants.Tx) error {
		clear(seqs)
		rows, err := tx.DB.Raw("select id::text, seq from events where id = any ($1::uuid[])", ids).Rows()
		if err != nil {
			return fmt.Errorf("find events: %w", err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id string
			var seq int64
			if err := rows.Scan(&id, &seq); err != nil {
				return fmt.Errorf("find events: %w", err)
			}
			seqs[id] = seq
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return seqs, unknownEvents(ids, seqs)
}

func unknownEvents(ids []string, found map[string]int64) error {
	var unknown []string
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fault.New(fault.NotFound, "event_not_found", "The tenant has no such event: %s.", strings.Join(unknown, ", "))
}

// mistakes gathers what is wrong with the input.
type mistakes []fault.Field

func (m *mistakes) note(wrong bool, name, message string) {
	if wrong {
		*m = append(*m, fault.Field{Name: name, Message: message})
	}
}

// isUUID takes the one spelling that PostgreSQL and we write.
func isUUID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// storable reports whether PostgreSQL can hold the text at all; what it cannot hold, it cannot find.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
