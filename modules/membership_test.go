package modules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// TestAConnectionThatRefusesTheRoleIsGivenUp: PostgreSQL may forget on one connection that the role of a
// new tenant was granted, and remembers only at the next grant. The grant is taken away here, which looks
// the same; so each way into the scope gives up its connection and tries others.
func TestAConnectionThatRefusesTheRoleIsGivenUp(t *testing.T) {
	t.Parallel()
	e, cluster := newEstate(t), openSingle(t)
	scope := cluster.Scope(e.Tenant.Tenant.Placement())
	for name, enter := range map[string]func() error{
		"transaction": func() error { return scope.Transact(t.Context(), nothing) },
		"guarded":     func() error { return scope.Guarded(tenants.Statement{SQL: "select 1"}).Transact(t.Context(), nothing) },
		"pipeline":    func() error { return scope.Pipeline(t.Context(), tenants.Statement{SQL: "select 1"}) },
	} {
		require.NoError(t, enter(), name)
		before := sessionOf(t, cluster)
		asOwner(t, "revoke "+e.Tenant.Tenant.RoleName+" from tenantry_app")
		require.Equal(t, denied, codeOf(t, name, enter()), name)
		after := sessionOf(t, cluster)
		require.NotEqual(t, before.PID, after.PID, "%s: the connection is used no more", name)
		asOwner(t, "grant "+e.Tenant.Tenant.RoleName+" to tenantry_app")
		require.NoError(t, enter(), name)
		require.Equal(t, after.PID, sessionOf(t, cluster).PID, "%s: nothing else gives it up", name)
	}
}

func nothing(*tenants.Tx) error { return nil }

// asOwner runs a statement as the login that makes tenants' roles.
func asOwner(t *testing.T, sql string) {
	t.Helper()
	owner, err := apptest.Clusters().Owner("main")
	require.NoError(t, err)
	_, err = owner.Pool().Exec(t.Context(), sql)
	require.NoError(t, err)
}
