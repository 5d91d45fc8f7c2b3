package tenants

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// The steps of an onboarding, in order. Each finds what an earlier, interrupted call did.
const (
	stepRegistered = "registered"
	stepMigrated   = "migrated"
	stepPlaced     = "placed"
	stepPrepared   = "prepared"
	stepActivated  = "activated"
)

// Onboard makes a tenant: its row in the registry, its role and schema with all migrations, its place
// in the workers' table, and what the modules prepare in it. It reports whether this call completed
// it. The same request again returns the same tenant, and finishes one that was interrupted anywhere;
// another request for a slug that was ever given is a Conflict.
func (s *Service) Onboard(ctx context.Context, actor Actor, request OnboardRequest) (Tenant, bool, error) {
	if err := actor.Require(Operator); err != nil {
		return Tenant{}, false, err
	}
	request = request.normalize()
	if err := request.check(s.clusters); err != nil {
		return Tenant{}, false, err
	}
	tenant, err := s.register(ctx, actor, request)
	if err != nil || tenant.Status != Provisioning {
		return tenant, false, err
	}
	return s.provision(ctx, actor, tenant)
}

// register finds the tenant of the request, or begins it.
func (s *Service) register(ctx context.Context, actor Actor, request OnboardRequest) (Tenant, error) {
	found, err := s.registry.Find(ctx, request.Slug)
	if fault.KindOf(err) != fault.NotFound {
		return sameTenant(found, request, err)
	}
	if _, err := s.clusters.Owner(request.Cluster); err != nil {
		return Tenant{}, err // before a slug is given for ever
	}
	tenant, err := request.newTenant(s.registry.home)
	if err != nil {
		return Tenant{}, err
	}
	inserted, err := s.registry.insert(ctx, actor, tenant)
	if err != nil {
		return Tenant{}, err
	}
	if !inserted { // somebody else was faster
		found, err := s.registry.Find(ctx, request.Slug)
		return sameTenant(found, request, err)
	}
	return tenant, s.afterStep(ctx, stepRegistered)
}

func sameTenant(found Tenant, request OnboardRequest, err error) (Tenant, error) {
	if err != nil {
		return Tenant{}, err
	}
	if !request.sameAs(found) {
		return Tenant{}, slugTaken(request.Slug)
	}
	return found, nil
}

func slugTaken(slug string) error {
	return fault.New(fault.Conflict, "slug_taken", "The slug %q is another tenant's, or was once; choose another.", slug)
}

// provision does what is missing of a tenant in the registry.
func (s *Service) provision(ctx context.Context, actor Actor, tenant Tenant) (Tenant, bool, error) {
	owner, err := s.clusters.Owner(tenant.Cluster)
	if err != nil {
		return Tenant{}, false, err
	}
	version, err := owner.migrateTenant(ctx, tenant.Placement(), "")
	if err != nil {
		return Tenant{}, false, databaseFault(err)
	}
	if err := s.afterStep(ctx, stepMigrated); err != nil {
		return Tenant{}, false, err
	}
	if err := s.place(ctx, tenant.ID); err != nil {
		return Tenant{}, false, err
	}
	if err := s.afterStep(ctx, stepPlaced); err != nil {
		return Tenant{}, false, err
	}
	ownerUserID, err := s.prepare(ctx, actor, tenant)
	if err != nil {
		return Tenant{}, false, err
	}
	if err := s.afterStep(ctx, stepPrepared); err != nil {
		return Tenant{}, false, err
	}
	return s.activate(ctx, actor, tenant, version, ownerUserID)
}

// prepare runs the modules' hooks in one transaction of the tenant. Two calls for one tenant take
// turns, so that the second finds what the first made.
func (s *Service) prepare(ctx context.Context, actor Actor, tenant Tenant) (string, error) {
	cluster, err := s.clusters.Get(tenant.Cluster)
	if err != nil {
		return "", err
	}
	actor.TenantID = tenant.ID
	var onboarding *Onboarding
	err = cluster.exclusiveScope(tenant.Placement()).Transact(ctx, func(tx *Tx) error {
		onboarding = &Onboarding{Tenant: tenant, Actor: actor}
		for _, hook := range s.hooks() {
			if err := hook(ctx, tx, onboarding); err != nil {
				return fmt.Errorf("prepare the tenant: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return onboarding.OwnerUserID, nil
}

// activate opens the doors, unless another call has done so already.
func (s *Service) activate(ctx context.Context, actor Actor, tenant Tenant, version, ownerUserID string) (Tenant, bool, error) {
	placed, activated := tenant, false
	err := s.registry.transact(ctx, func(db *gorm.DB) error {
		current, err := find(db, tenant.ID, "for update of t")
		if err != nil {
			return err
		}
		tenant, activated = current, current.Status == Provisioning
		if !activated {
			return nil
		}
		set := changes{"status": Active, "schema_version": version, "schema_error": ""}
		if ownerUserID != "" {
			set["owner_user_id"] = ownerUserID
		}
		if tenant, err = s.registry.update(db, current, set); err != nil {
			return err
		}
		if tenant.Slug != placed.Slug || tenant.Weight != placed.Weight { // changed in between
			if err := s.placeLocked(ctx, db, tenant); err != nil {
				return err
			}
		}
		told := onboarded{OnboardRequest: requestOf(tenant), OwnerUserID: ownerUserID}
		return s.registry.record(db, actor, tenant.ID, "Tenant.onboarded", told)
	})
	if err != nil {
		return Tenant{}, false, err
	}
	return tenant, activated, s.afterStep(ctx, stepActivated)
}

// onboarded is the data of the event that a tenant is ready.
type onboarded struct {
	OnboardRequest

	OwnerUserID string `json:"owner_user_id"`
}
