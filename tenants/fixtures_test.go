package tenants_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// operator is who onboards in the tests.
var operator = tenants.Actor{UserID: "op-1", Roles: []tenants.Role{tenants.Operator}, RequestID: "req-1"} //nolint:gochecknoglobals // a constant

// newSlug is a slug that no other test has.
func newSlug() string { return "t-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20] }

func requestFor(slug string) tenants.OnboardRequest {
	return tenants.OnboardRequest{Slug: slug, Name: "Name of " + slug, OwnerEmail: "owner@" + slug + ".example"}
}

// makeOwner is what the user module's hook does: it makes the first admin, or finds it.
func makeOwner(_ context.Context, tx *tenants.Tx, o *tenants.Onboarding) error {
	var found []string
	if err := tx.DB.Raw("select id from users where lower(email) = lower(?)", o.Tenant.OwnerEmail).Scan(&found).Error; err != nil {
		return fmt.Errorf("find the owner: %w", err)
	}
	if len(found) == 1 {
		o.OwnerUserID = found[0]
		return nil
	}
	o.OwnerUserID = uuid.NewString()
	return tx.DB.Exec(`insert into users (id, email, name, role, status, lock_version, created_at, updated_at)
		values (?, ?, ?, 'admin', 'active', 1, ?, ?)`, o.OwnerUserID, o.Tenant.OwnerEmail, o.Tenant.OwnerName, tx.Now, tx.Now).Error
}

func hooks() []tenants.OnboardHook { return []tenants.OnboardHook{makeOwner} }

func newService() *tenants.Service { return tenants.NewService(shared, hooks) }

// newTenant onboards a tenant on the home cluster.
func newTenant(t *testing.T) tenants.Tenant {
	t.Helper()
	tenant, created, err := newService().Onboard(t.Context(), operator, requestFor(newSlug()))
	require.NoError(t, err)
	require.True(t, created)
	return tenant
}

// superuser connects to a database of the server without any fence.
func superuser(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	url := strings.Replace(server.SuperuserURL(), "/postgres?", "/"+database+"?", 1)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

var databases atomic.Int32 //nolint:gochecknoglobals // numbers the databases of the tests

// newClusters are clusters of their own: a database for the home cluster, migrated.
func newClusters(t *testing.T, change func(*config.Settings)) *tenants.Clusters {
	t.Helper()
	name := fmt.Sprintf("own_%d", databases.Add(1))
	require.NoError(t, server.CreateDatabase(t.Context(), name))
	settings := settingsOf(name, "")
	if change != nil {
		change(&settings)
	}
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	require.NoError(t, tenants.MigrateControl(t.Context(), clusters))
	return clusters
}

// scopeOf opens the way to a tenant's data.
func scopeOf(t *testing.T, tenant tenants.Tenant) *tenants.Scope {
	t.Helper()
	scope, err := newService().ScopeOf(tenant)
	require.NoError(t, err)
	return scope
}

// controlEvents are the names of what operators did to a tenant.
func controlEvents(t *testing.T, clusters *tenants.Clusters, id string) []string {
	t.Helper()
	rows, err := clusters.Home().Pool().Query(t.Context(), "select name from control.events where tenant_id = $1 order by seq", id)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}
