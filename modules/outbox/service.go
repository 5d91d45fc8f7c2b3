package outbox

import (
	"github.com/tenantry/tenantry/tenants"
)

// Service is what operators do with the outboxes of tenants.
type Service struct {
	clusters *tenants.Clusters
	tenants  *tenants.Service
}

// NewService makes the operator's service over the outboxes of all clusters.
func NewService(clusters *tenants.Clusters, service *tenants.Service) *Service {
	return &Service{clusters: clusters, tenants: service}
}
