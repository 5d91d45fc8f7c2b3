package tenants

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
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

// List returns a page of tenants in the order of their slugs, and the cursor of the next page, empty at
// the end.
func (s *Service) List(ctx context.Context, actor Actor, filter ListFilter) ([]Tenant, string, error) {
	if err := actor.Require(Operator); err != nil {
		return nil, "", err
	}
	after, err := filter.check()
	if err != nil {
		return nil, "", err
	}
	items, err := s.registry.page(ctx, filter, after)
	if err != nil {
		return nil, "", err
	}
	return rest.Cut(items, filter.Limit, func(t Tenant) any { return t.Slug })
}

// check completes the filter, and returns the slug after which the page begins.
func (f *ListFilter) check() (string, error) {
	fields := rest.CheckLimit(&f.Limit)
	if !slices.Contains([]Status{"", Provisioning, Active, Suspended, Offboarding}, f.Status) {
		fields = append(fields, fault.Field{Name: "status", Message: "must be provisioning, active, suspended or offboarding"})
	}
	if !utf8.ValidString(f.Cluster) || strings.ContainsRune(f.Cluster, 0) {
		fields = append(fields, fault.Field{Name: "cluster", Message: "must be UTF-8 text without NUL"})
	}
	if err := rest.BadParameters(fields); err != nil || f.Cursor == "" {
		return "", err
	}
	return rest.DecodeCursor(f.Cursor, slugPattern.MatchString)
}

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

func (f *ListFilter) narrow(query *gorm.DB) *gorm.DB {
	if f.Status != "" {
		query = query.Where("t.status = ?", f.Status)
	}
	if f.Cluster != "" {
		query = query.Where("t.cluster = ?", f.Cluster)
	}
	return query
}
