package tenants

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// ListFilter says which tenants, and which page of them.
type ListFilter struct {
	// Status is the status that all have; empty for any.
	Status Status
	// Cluster is where all are placed; empty for any.
	Cluster string
	// Limit is how many at most: 1 to 200. Default 50.
	Limit int
	// Cursor is where the page begins: the end of the one before, empty for the first.
	Cursor string
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// List returns a page of tenants in the order of their slugs, and the cursor of the next page, empty at
// the end.
func (s *Service) List(ctx context.Context, actor Actor, filter ListFilter) ([]Tenant, string, error) {
	if err := actor.Require(Operator); err != nil {
		return nil, "", err
	}
	if filter.Limit == 0 {
		filter.Limit = defaultLimit
	}
	after, err := filter.after()
	if err != nil {
		return nil, "", err
	}
	items, err := s.registry.page(ctx, filter, after)
	if err != nil || len(items) <= filter.Limit {
		return items, "", err
	}
	items = items[:filter.Limit]
	return items, encodeCursor(items[len(items)-1].Slug), nil
}

func (f ListFilter) after() (string, error) {
	statuses := []Status{"", Provisioning, Active, Suspended, Offboarding}
	if f.Limit < 1 || f.Limit > maxLimit {
		return "", malformed("limit", "must be 1 to 200")
	}
	if !slices.Contains(statuses, f.Status) {
		return "", malformed("status", "must be provisioning, active, suspended or offboarding")
	}
	if f.Cursor == "" {
		return "", nil
	}
	after, err := base64.RawURLEncoding.Strict().DecodeString(f.Cursor)
	if err != nil || !slugPattern.Match(after) {
		return "", malformed("cursor", "is not one that this API gave")
	}
	return string(after), nil
}

func malformed(name, message string) error {
	problem := fault.New(fault.Malformed, "malformed", "The parameter %s %s.", name, message)
	problem.Fields = []fault.Field{{Name: name, Message: message}}
	return problem
}

func encodeCursor(slug string) string { return base64.RawURLEncoding.EncodeToString([]byte(slug)) }

// page reads one row more than the limit, which tells whether there is a next page.
func (r *Registry) page(ctx context.Context, filter ListFilter, after string) ([]Tenant, error) {
	query := r.gorm.WithContext(ctx).Table("control.tenants t").Select(tenantColumns).Where("t.slug > ?", after)
	query = filter.narrow(query)
	items := []Tenant{}
	if err := query.Order("t.slug").Limit(filter.Limit + 1).Scan(&items).Error; err != nil {
		return nil, databaseFault(fmt.Errorf("list tenants: %w", err))
	}
	return items, nil
}

func (f ListFilter) narrow(query *gorm.DB) *gorm.DB {
	if f.Status != "" {
		query = query.Where("t.status = ?", f.Status)
	}
	if f.Cluster != "" {
		query = query.Where("t.cluster = ?", f.Cluster)
	}
	return query
}
