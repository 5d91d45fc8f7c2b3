package tenants

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/fault"
)

// Changes are what an operator changes of a tenant; nil leaves a field as it is.
type Changes struct {
	// Name is for people.
	Name *string
	// Slug is the new name in URLs, tokens and subjects. The old one stays reserved for this tenant, and
	// keeps leading to it.
	Slug *string
	// Weight is the tenant's share of the workers' time: 1 to 100.
	Weight *int
}

const maxWeight = 100

func (c Changes) check() error {
	var fields []fault.Field
	if c.Name != nil {
		fields = append(fields, checkName("name", strings.TrimSpace(*c.Name))...)
	}
	if c.Slug != nil {
		fields = append(fields, CheckSlug(*c.Slug)...)
	}
	if c.Weight != nil && (*c.Weight < 1 || *c.Weight > maxWeight) {
		fields = append(fields, fault.Field{Name: "weight", Message: "must be 1 to 100"})
	}
	return fault.InvalidFields(fields)
}

// differing returns the columns that change, and what the event tells of them.
func (c Changes) differing(t Tenant) (changes, changed) {
	set, told := changes{}, changed{Changes: map[string]aggregate.Change{}}
	note := func(column string, from, to any) {
		if from != to {
			set[column], told.Changes[column] = to, aggregate.Change{From: from, To: to}
		}
	}
	if c.Name != nil {
		note("name", t.Name, strings.TrimSpace(*c.Name))
	}
	if c.Slug != nil {
		note("slug", t.Slug, *c.Slug)
	}
	if c.Weight != nil {
		note("weight", t.Weight, *c.Weight)
	}
	return set, told
}

// Update changes a tenant of the version that the caller saw. Changes that change nothing leave the
// version as it is.
func (s *Service) Update(ctx context.Context, actor Actor, slug string, version int64, wanted Changes) (Tenant, error) {
	if err := actor.Require(Operator); err != nil {
		return Tenant{}, err
	}
	if err := wanted.check(); err != nil {
		return Tenant{}, err
	}
	var tenant Tenant
	err := s.registry.transact(ctx, func(db *gorm.DB) error {
		var err error
		if tenant, err = find(db, slug, "for update of t"); err != nil {
			return err
		}
		if tenant.LockVersion != version {
			return staleTenant()
		}
		tenant, err = s.apply(ctx, db, actor, tenant, wanted)
		return err
	})
	if errors.Is(err, errSlugGiven) {
		return Tenant{}, slugTaken(*wanted.Slug)
	}
	if err != nil {
		return Tenant{}, err
	}
	return tenant, nil
}

func (s *Service) apply(ctx context.Context, db *gorm.DB, actor Actor, tenant Tenant, wanted Changes) (Tenant, error) {
	set, told := wanted.differing(tenant)
	if len(set) == 0 {
		return tenant, nil
	}
	if _, renamed := set["slug"]; renamed {
		if err := reserveSlug(db, *wanted.Slug, tenant); err != nil {
			return Tenant{}, err
		}
	}
	tenant, err := s.registry.update(db, tenant, set)
	if err != nil {
		return Tenant{}, err
	}
	if err := s.registry.record(db, actor, tenant.ID, "Tenant.updated", told); err != nil {
		return Tenant{}, err
	}
	if tenant.Status == Provisioning {
		return tenant, nil // onboarding places it, and may not have made its cluster ready
	}
	return tenant, s.placeLocked(ctx, db, tenant)
}
