package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/migrations"
)

// MigrateOptions says which tenants are migrated, and how.
type MigrateOptions struct {
	// Slug is one tenant, Cluster all of one cluster; both empty is every tenant.
	Slug, Cluster string
	// To is the migration at which to stop. Default: the newest.
	To string
	// Parallel bounds how many run at a time. Default 4.
	Parallel int
	// Progress is told after each tenant.
	Progress func(migrations.Progress)
}

// MigrateControl brings the shared schemas to their newest migrations, as MigrateClusters does. Whatever
// fails is the error.
func MigrateControl(ctx context.Context, clusters *Clusters) error {
	failures, err := MigrateClusters(ctx, clusters)
	errs := append(make([]error, 0, len(failures)+1), err)
	for _, failure := range failures {
		errs = append(errs, fmt.Errorf("migrate cluster %s: %w", failure.Name, failure.Err))
	}
	return errors.Join(errs...)
}

// MigrateClusters brings the shared schemas to their newest migrations: control on the home cluster,
// dispatch on every cluster. A further cluster that fails does not stop the others, and is returned; the
// home cluster is needed by all.
func MigrateClusters(ctx context.Context, clusters *Clusters) ([]migrations.Failure, error) {
	owner, err := clusters.Owner(HomeCluster)
	if err != nil {
		return nil, err
	}
	if err := owner.migrateShared(ctx, migrations.Control(), "control"); err != nil {
		return nil, err
	}
	var failures []migrations.Failure
	for _, name := range clusters.Names() {
		err := migrateDispatch(ctx, clusters, name)
		switch {
		case err != nil && (name == HomeCluster || ctx.Err() != nil):
			return nil, fmt.Errorf("migrate cluster %s: %w", name, err)
		case err != nil:
			failures = append(failures, migrations.Failure{Name: name, Err: err})
		}
	}
	return failures, nil
}

func migrateDispatch(ctx context.Context, clusters *Clusters, name string) error {
	owner, err := clusters.Owner(name)
	if err != nil {
		return err
	}
	return owner.migrateShared(ctx, migrations.Dispatch(), "dispatch")
}

// Migrate brings tenants' schemas to the newest migration, in parallel. One that fails does not stop
// the others: its error is returned, and kept in the registry. Those that are up to date already are
// passed over, so that a run that was stopped goes on where it was.
func (s *Service) Migrate(ctx context.Context, actor Actor, options MigrateOptions) ([]migrations.Failure, error) {
	if err := actor.Require(Operator); err != nil {
		return nil, err
	}
	if options.To != "" && !slices.Contains(migrations.Tenant().Versions(), options.To) {
		return nil, fault.New(fault.NotFound, "migration_unknown", "There is no migration %q.", options.To)
	}
	targets, err := s.registry.outdated(ctx, options)
	if err != nil {
		return nil, err
	}
	jobs := make([]migrations.Job, len(targets))
	for i, tenant := range targets {
		jobs[i] = migrations.Job{Name: tenant.Slug, Run: func(ctx context.Context) error {
			return s.migrate(ctx, actor, tenant, options.To)
		}}
	}
	fanOut := migrations.FanOut{Parallel: options.Parallel, Progress: options.Progress}
	return fanOut.Run(ctx, jobs)
}

// MigrateDown undoes the last migration of one tenant.
func (s *Service) MigrateDown(ctx context.Context, actor Actor, slug string) (Tenant, error) {
	if err := actor.Require(Operator); err != nil {
		return Tenant{}, err
	}
	tenant, err := s.registry.Find(ctx, slug)
	if err != nil {
		return Tenant{}, err
	}
	owner, err := s.clusters.Owner(tenant.Cluster)
	if err != nil {
		return Tenant{}, err
	}
	version, err := migrations.Tenant().Down(ctx, owner.gorm, owner.target(tenant.Placement()))
	if err != nil {
		return Tenant{}, databaseFault(err)
	}
	if err := s.registry.noteMigrated(ctx, actor, tenant.ID, version); err != nil {
		return Tenant{}, err
	}
	return s.registry.Find(ctx, tenant.ID)
}

func (s *Service) migrate(ctx context.Context, actor Actor, tenant Tenant, to string) error {
	owner, err := s.clusters.Owner(tenant.Cluster)
	if err != nil {
		return err
	}
	version, err := owner.migrateTenant(ctx, tenant.Placement(), to)
	if err != nil {
		if ctx.Err() == nil { // an interruption is no failure of the tenant's schema
			s.registry.noteFailed(ctx, tenant.ID, err)
		}
		return databaseFault(err)
	}
	return s.registry.noteMigrated(ctx, actor, tenant.ID, version)
}

// outdated lists the tenants that a run concerns. Those that are being onboarded are not among them:
// onboarding runs all migrations itself.
func (r *Registry) outdated(ctx context.Context, options MigrateOptions) ([]Tenant, error) {
	if options.Slug != "" {
		tenant, err := r.Find(ctx, options.Slug)
		if err != nil {
			return nil, err
		}
		return []Tenant{tenant}, nil
	}
	latest := options.To
	if latest == "" {
		latest = migrations.Tenant().Latest()
	}
	query := r.gorm.WithContext(ctx).Table("control.tenants t").Select(tenantColumns).
		Where("t.status <> ? and (t.schema_version collate \"C\" < ? or t.schema_error <> '')", Provisioning, latest)
	var rows []Tenant
	filter := &ListFilter{Cluster: options.Cluster}
	err := filter.narrow(query).Order("t.slug").Scan(&rows).Error
	if err != nil {
		return nil, databaseFault(fmt.Errorf("list the tenants to migrate: %w", err))
	}
	return rows, nil
}

// noteMigrated keeps a tenant's new version in the registry.
func (r *Registry) noteMigrated(ctx context.Context, actor Actor, id, version string) error {
	return r.transact(ctx, func(db *gorm.DB) error {
		tenant, err := find(db, id, "for no key update of t")
		if err != nil || tenant.SchemaVersion == version && tenant.SchemaError == "" {
			return err
		}
		set := changes{"schema_version": version, "schema_error": ""}
		if _, err := r.update(db, tenant, set); err != nil {
			return err
		}
		told := changed{Changes: map[string]aggregate.Change{"schema_version": {From: tenant.SchemaVersion, To: version}}}
		return r.record(db, actor, id, "Tenant.migrated", told)
	})
}

// maxSchemaError bounds what is kept of a migration's error.
const maxSchemaError = 1000

// noteFailed keeps why a tenant's migration failed. That it cannot be kept is not told: the failure
// itself is what the operator gets to see.
func (r *Registry) noteFailed(ctx context.Context, id string, failure error) {
	text := describe(failure)
	for len(text) > maxSchemaError {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	_ = r.transact(ctx, func(db *gorm.DB) error {
		tenant, err := find(db, id, "for no key update of t")
		if err != nil {
			return err
		}
		_, err = r.update(db, tenant, changes{"schema_error": text})
		return err
	})
}
