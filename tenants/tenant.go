// Package tenants knows the tenants and guards the only way to their data.
//
// A tenant is a row of the registry, a PostgreSQL schema and a role on the cluster where it is placed.
// Requests and workers reach its data through a Scope and in no other way.
package tenants

import (
	"encoding/base32"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
)

// Status is where a tenant stands in its life.
type Status string

// The statuses of a tenant.
const (
	// Provisioning means that onboarding has begun and not finished.
	Provisioning Status = "provisioning"
	// Active means that its doors are open.
	Active Status = "active"
	// Suspended means that its doors refuse; its events are still published.
	Suspended Status = "suspended"
	// Offboarding means that it is leaving; its doors refuse.
	Offboarding Status = "offboarding"
)

// HomeCluster is the name of the cluster that holds the registry.
const HomeCluster = "main"

// Tenant is one row of the registry.
type Tenant struct {
	// ID is the tenant's identity, a UUID; its schema and role names are derived from it, once.
	ID string `gorm:"primaryKey"`
	// Slug is its name in URLs, tokens and subjects. It can change, and is never given to another.
	Slug string
	// Name is for people.
	Name string
	// Status is where it stands in its life.
	Status Status
	// Cluster is the PostgreSQL server that it is placed on.
	Cluster string
	// SchemaName is the schema that holds its tables.
	SchemaName string
	// RoleName is the role that may touch that schema and nothing else.
	RoleName string
	// Weight is its share of the workers' time beside others: 1 to 100.
	Weight int
	// SchemaVersion is the newest tenant migration that it has, empty before the first.
	SchemaVersion string
	// SchemaError is why its last migration failed, empty when it did not.
	SchemaError string
	// OwnerEmail and OwnerName are of its first admin, whom onboarding creates.
	OwnerEmail, OwnerName string
	// OwnerUserID is the first admin's user id, nil until onboarding made it.
	OwnerUserID *string
	// LockVersion counts the changes of this row.
	LockVersion int64
	// CreatedAt and UpdatedAt are the times of the first and the last change.
	CreatedAt, UpdatedAt time.Time
}

// TableName is the registry's table, named in full because no search_path leads to it.
func (Tenant) TableName() string { return "control.tenants" }

// Placement is what it takes to enter a tenant's schema.
func (t Tenant) Placement() Placement {
	return Placement{TenantID: t.ID, Slug: t.Slug, SchemaName: t.SchemaName, RoleName: t.RoleName}
}

// Placement names a tenant's schema and role on its cluster.
type Placement struct {
	// TenantID is the tenant's identity.
	TenantID string
	// Slug is its name in subjects.
	Slug string
	// SchemaName and RoleName are stored names, never made of anything that a request brings.
	SchemaName, RoleName string
}

// schemaName derives the name of a tenant's schema and role from its id.
func schemaName(id uuid.UUID) string {
	encoded := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:])
	return "t_" + strings.ToLower(encoded)
}

var slugPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

// isReserved reports whether a slug would be mistaken for something else in a path, a host name or a
// subject.
func isReserved(slug string) bool {
	switch slug {
	case "admin", "api", "app", "assets", "control", "dispatch", "docs", "graphql", "health", "internal",
		"main", "metrics", "operator", "public", "root", "static", "status", "support", "system", "tenantry", "www":
		return true
	default:
		return strings.HasPrefix(slug, "pg-") || isID(slug)
	}
}

// isID reports whether a text is the canonical form of an id. Such a slug would be another tenant's id
// in a token or a path, so none is given.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// CheckSlug reports why a slug cannot be given to a tenant, or nothing when it can.
func CheckSlug(slug string) []fault.Field {
	switch {
	case !slugPattern.MatchString(slug):
		return []fault.Field{{Name: "slug", Message: "must be 3 to 40 characters of a-z, 0-9 and '-', beginning with a letter, " +
			"not ending with '-'"}}
	case isReserved(slug):
		return []fault.Field{{Name: "slug", Message: "is reserved; choose another"}}
	default:
		return nil
	}
}
