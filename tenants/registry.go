package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tenantry/tenantry/app/fault"
)

// tenantColumns are named in every query, so that a column that a later version adds changes nothing.
const tenantColumns = "t.id, t.slug, t.name, t.status, t.cluster, t.schema_name, t.role_name, t.weight, " +
	"t.schema_version, t.schema_error, t.owner_email, t.owner_name, t.owner_user_id, t.lock_version, t.created_at, t.updated_at"

// Registry reads and writes the tenants' rows on the home cluster. Every write checks the row's
// version and records a control event in the same commit.
type Registry struct {
	home *Cluster
	gorm *gorm.DB
	log  *slog.Logger
}

// NewRegistry returns the registry of the home cluster.
func NewRegistry(clusters *Clusters) *Registry { return clusters.registry }

func openRegistry(home *Cluster, log *slog.Logger) (*Registry, error) {
	base, err := openGORM(home.sql)
	if err != nil {
		return nil, fmt.Errorf("open the registry: %w", err)
	}
	return &Registry{home: home, gorm: base, log: log}, nil
}

// Find returns the tenant of a slug, also one that it had before, or of an id.
func (r *Registry) Find(ctx context.Context, slugOrID string) (Tenant, error) {
	return find(r.gorm.WithContext(ctx), slugOrID, "")
}

// find reads one row; lock is appended to the query, for example "for update of t".
func find(db *gorm.DB, slugOrID, lock string) (Tenant, error) {
	var query string
	switch {
	case isID(slugOrID):
		query = "select " + tenantColumns + " from control.tenants t where t.id = ? "
	case slugPattern.MatchString(slugOrID):
		query = "select " + tenantColumns + " from control.slugs s join control.tenants t on t.id = s.tenant_id where s.slug = ? "
	default:
		return Tenant{}, noTenant()
	}
	var rows []Tenant
	if err := db.Raw(query+lock, slugOrID).Scan(&rows).Error; err != nil {
		return Tenant{}, databaseFault(fmt.Errorf("find a tenant: %w", err))
	}
	if len(rows) == 0 {
		return Tenant{}, noTenant()
	}
	return rows[0], nil
}

func noTenant() error {
	return fault.New(fault.NotFound, "tenant_not_found", "There is no such tenant.")
}

// insert adds a tenant and its slug unless the slug was ever given, and reports whether it did.
func (r *Registry) insert(ctx context.Context, actor Actor, tenant Tenant) (bool, error) {
	inserted := false
	err := r.transact(ctx, func(db *gorm.DB) error {
		result := db.Clauses(clause.OnConflict{DoNothing: true}).Omit("schema_version", "schema_error").Create(&tenant)
		if result.Error != nil {
			return fmt.Errorf("insert a tenant: %w", result.Error)
		}
		if result.RowsAffected == 0 {
			return errSlugGiven
		}
		if err := reserveSlug(db, tenant.Slug, tenant); err != nil {
			return err
		}
		inserted = true
		return r.record(db, actor, tenant.ID, "Tenant.created", requestOf(tenant))
	})
	if errors.Is(err, errSlugGiven) {
		return false, nil
	}
	return inserted, err
}

// errSlugGiven rolls back the insertion of a tenant whose slug is another's.
var errSlugGiven = errors.New("tenants: the slug was given before")

// reserveSlug gives a slug to a tenant for ever. It succeeds for one that the tenant had before.
func reserveSlug(db *gorm.DB, slug string, tenant Tenant) error {
	err := db.Exec("insert into control.slugs (slug, tenant_id, created_at) values (?, ?, ?) on conflict (slug) do nothing",
		slug, tenant.ID, tenant.UpdatedAt).Error
	if err != nil {
		return fmt.Errorf("reserve a slug: %w", err)
	}
	var owner string
	if err := db.Raw("select tenant_id from control.slugs where slug = ?", slug).Scan(&owner).Error; err != nil {
		return fmt.Errorf("read a slug: %w", err)
	}
	if owner != tenant.ID {
		return errSlugGiven
	}
	return nil
}

// changes are columns and their new values.
type changes map[string]any

// update writes changes to a row of the version that was read. Somebody else's change in between is a
// fault of kind Stale.
func (r *Registry) update(db *gorm.DB, tenant Tenant, set changes) (Tenant, error) {
	set["lock_version"] = tenant.LockVersion + 1
	set["updated_at"] = r.home.Now()
	result := db.Table("control.tenants").Where("id = ? and lock_version = ?", tenant.ID, tenant.LockVersion).Updates(map[string]any(set))
	if result.Error != nil {
		return Tenant{}, fmt.Errorf("update a tenant: %w", result.Error)
	}
	if result.RowsAffected != 1 {
		return Tenant{}, staleTenant()
	}
	return find(db, tenant.ID, "")
}

func staleTenant() error {
	return fault.New(fault.Stale, "stale_version", "Somebody changed the tenant since you read it; read it again and decide anew.")
}

// transact runs work in one transaction of the application's login on the home cluster.
func (r *Registry) transact(ctx context.Context, work func(db *gorm.DB) error) error {
	var err error
	for range transactAttempts {
		if err = r.gorm.WithContext(ctx).Transaction(work); !repeatable(err) {
			break
		}
	}
	return databaseFault(err)
}
