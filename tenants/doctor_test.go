package tenants_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// wrongs are the names of the findings that are not as they should be.
func wrongs(findings []tenants.Finding) []string {
	var names []string
	for _, finding := range findings {
		if !finding.OK {
			names = append(names, finding.Name)
		}
	}
	return names
}

func TestInspectFindsNothingOnAPreparedServer(t *testing.T) {
	t.Parallel()
	service := tenants.NewService(newClusters(t, nil), hooks)
	_, _, err := service.Onboard(t.Context(), operator, requestFor("acme"))
	require.NoError(t, err)
	findings := service.Inspect(t.Context())
	require.Greater(t, len(findings), 15)
	for _, finding := range findings {
		require.True(t, finding.OK, "%+v", finding)
		require.NotEmpty(t, finding.Detail)
	}
}

func TestInspectFindsEachGap(t *testing.T) {
	t.Parallel()
	clusters := newClusters(t, nil)
	service := tenants.NewService(clusters, hooks)
	tenant, _, err := service.Onboard(t.Context(), operator, requestFor("acme"))
	require.NoError(t, err)
	var database string
	require.NoError(t, clusters.Home().Pool().QueryRow(t.Context(), "select current_database()").Scan(&database))
	admin, role, schema := superuser(t, database), tenant.RoleName, tenant.SchemaName
	for _, gap := range []struct{ name, open, close string }{
		{"set_config", "grant execute on function set_config to public", "revoke execute on function set_config from public"},
		{"pg_settings", "grant update on pg_settings to public", "revoke update on pg_settings from public"},
		{"query_to_xml", "grant execute on function query_to_xml to public", "revoke execute on function query_to_xml from public"},
		{"large objects", "grant execute on function lo_create to public", "revoke execute on function lo_create from public"},
		{"advisory locks", "grant execute on function pg_advisory_lock(bigint) to public", "revoke execute on function pg_advisory_lock(bigint) from public"},
		{"notifications", "grant execute on function pg_notify to public", "revoke execute on function pg_notify from public"},
		{"sessions", "grant execute on function pg_cancel_backend to public", "revoke execute on function pg_cancel_backend from public"},
		{"languages", "grant usage on language plpgsql to public", "revoke usage on language plpgsql from public"},
		{"creation", "grant create on schema public to public", "revoke create on schema public from public"},
		{"creation", "grant temporary on database " + database + " to public", "revoke temporary on database " + database + " from public"},
		{"tenant schemas", "grant usage on schema " + schema + " to public", "revoke usage on schema " + schema + " from public"},
		{"tenant schemas", "grant create on schema " + schema + " to " + role, "revoke create on schema " + schema + " from " + role},
		{"audit trail", "grant delete on " + schema + ".events to " + role, "revoke delete on " + schema + ".events from " + role},
		{"audit trail", "grant update (name) on " + schema + ".events to " + role, "revoke update (name) on " + schema + ".events from " + role},
		{"tenant roles", "alter role " + role + " login", "alter role " + role + " nologin"},
		{"tenant roles", "grant pg_monitor to " + role, "revoke pg_monitor from " + role},
		{"tenant members", "grant " + role + " to pg_monitor", "revoke " + role + " from pg_monitor"},
		{"ownership", "create schema mine authorization tenantry_app", "drop schema mine"},
		{"migrations", "update control.tenants set schema_version = '0001_users'", "update control.tenants set schema_version = '9999'"},
	} {
		_, err := admin.Exec(t.Context(), gap.open)
		require.NoError(t, err)
		findings := service.Inspect(t.Context())
		require.Equal(t, []string{gap.name}, wrongs(findings), gap.open)
		for _, finding := range findings {
			require.Equal(t, finding.OK, finding.Advice == "", "who is told of a gap is told what to do")
		}
		_, err = admin.Exec(t.Context(), gap.close)
		require.NoError(t, err)
		require.Empty(t, wrongs(service.Inspect(t.Context())), gap.close)
	}
}

func TestInspectAsASuperuser(t *testing.T) {
	t.Parallel()
	settings := settingsOf("tenantry", "")
	settings.DatabaseURL = server.SuperuserURL()
	settings.Clusters = map[string]config.Cluster{"gone": {URL: "postgres://app:secret-password@127.0.0.1:1/x"}}
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	defer clusters.Close()
	findings := tenants.NewService(clusters, hooks).Inspect(t.Context())
	require.Contains(t, wrongs(findings), "login")
	require.Contains(t, wrongs(findings), "connection")
	for _, finding := range findings {
		require.NotContains(t, finding.Detail+finding.Advice, "secret-password")
	}
}
