package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
)

func TestClustersAreNamedByTheirVariables(t *testing.T) {
	t.Parallel()
	settings, err := config.Load([]string{
		"TENANTRY_DATABASE_URL=postgres://app@home/app",
		"TENANTRY_OWNER_DATABASE_URL=postgres://owner@home/app",
		"TENANTRY_CLUSTER_EU_1_URL=postgres://app@eu/app",
		"TENANTRY_CLUSTER_EU_1_OWNER_URL=postgres://owner@eu/app",
		"TENANTRY_CLUSTER_ASIA_URL=postgres://app@asia/app",
		"TENANTRY_CLUSTER_GONE_URL=",
	})
	require.NoError(t, err)
	require.Equal(t, []string{"main", "asia", "eu-1"}, settings.ClusterNames())

	cluster, ok := settings.Cluster("eu-1")
	require.True(t, ok)
	require.Equal(t, config.Cluster{URL: "postgres://app@eu/app", OwnerURL: "postgres://owner@eu/app"}, cluster)
	home, ok := settings.Cluster(config.HomeCluster)
	require.True(t, ok)
	require.Equal(t, config.Cluster{URL: "postgres://app@home/app", OwnerURL: "postgres://owner@home/app"}, home)
	_, ok = settings.Cluster("mars")
	require.False(t, ok)
	_, ok = config.Settings{}.Cluster(config.HomeCluster)
	require.False(t, ok)
}

func TestBadClusterNames(t *testing.T) {
	t.Parallel()
	for variable, message := range map[string]string{
		"TENANTRY_CLUSTER_MAIN_URL":       "home cluster",
		"TENANTRY_CLUSTER_main_OWNER_URL": "home cluster",
		"TENANTRY_CLUSTER_URL":            "must name its cluster",
		"TENANTRY_CLUSTER_OWNER_URL":      "must name its cluster",
		"TENANTRY_CLUSTER_eu_URL":         "capitals",
		"TENANTRY_CLUSTER_EU__1_URL":      "single underscores",
		"TENANTRY_CLUSTER_1_URL":          "capitals",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load([]string{variable + "=postgres://app@db/app"})
			list := mistakesOf(t, err)
			require.Equal(t, variable, list[0].Variable)
			require.Contains(t, list[0].Message, message)
		})
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	for variable, message := range map[string]string{
		"TENANTRY_LISTN":           "did you mean TENANTRY_LISTEN?",
		"TENANTRY_JWT_SECRT":       "did you mean TENANTRY_JWT_SECRET?",
		"TENANTRY_DB_URL":          "is no setting",
		"TENANTRY_FLUX_CAPACITOR":  "is no setting; remove it",
		"TENANTRY_PORT":            "is no setting",
		"TENANTRY_CLUSTER_EU_1_UR": "is no setting",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load([]string{variable + "=8080"})
			list := mistakesOf(t, err)
			require.Equal(t, variable, list[0].Variable)
			require.Contains(t, list[0].Message, message)
		})
	}
}

func TestVariablesOfKubernetesAreNoMistake(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"TENANTRY_SERVICE_HOST=10.0.0.1",
		"TENANTRY_SERVICE_PORT=80",
		"TENANTRY_API_SERVICE_PORT_HTTP=80",
		"TENANTRY_PORT=tcp://10.0.0.1:80",
		"TENANTRY_PORT_80_TCP=tcp://10.0.0.1:80",
		"TENANTRY_API_PORT_80_TCP_ADDR=10.0.0.1",
	})
	require.NoError(t, err)
}

func TestWhatEachCommandRequires(t *testing.T) {
	t.Parallel()
	var nothing config.Settings
	require.Len(t, mistakesOf(t, nothing.RequireServe()), 3)
	require.Len(t, mistakesOf(t, nothing.RequireWorker(config.HomeCluster)), 2)
	require.Equal(t, "TENANTRY_CLUSTER_EU_1_URL", mistakesOf(t, nothing.RequireWorker("eu-1"))[0].Variable)
	require.Equal(t, "TENANTRY_OWNER_DATABASE_URL", mistakesOf(t, nothing.RequireOwner())[0].Variable)
	require.Equal(t, "TENANTRY_JWT_SECRET", mistakesOf(t, nothing.RequireSigningKey())[0].Variable)
	require.NoError(t, nothing.RequireUp())
	require.Error(t, config.Settings{DatabaseURL: "postgres://app@db/app"}.RequireUp())
	require.Error(t, config.Settings{OwnerDatabaseURL: "postgres://owner@db/app"}.RequireUp())

	enough := config.Settings{
		DatabaseURL: "postgres://app@db/app", OwnerDatabaseURL: "postgres://owner@db/app",
		NATSURL: "nats://broker", JWT: config.JWT{Secret: secret},
		Clusters: map[string]config.Cluster{"eu-1": {URL: "postgres://app@eu/app"}},
	}
	require.NoError(t, enough.RequireServe())
	require.NoError(t, enough.RequireWorker(config.HomeCluster))
	require.NoError(t, enough.RequireWorker("eu-1"))
	require.NoError(t, enough.RequireSigningKey())
	require.NoError(t, enough.RequireUp())
	require.NoError(t, enough.RequireOwner(config.HomeCluster))
	require.Equal(t, "TENANTRY_CLUSTER_EU_1_OWNER_URL", mistakesOf(t, enough.RequireOwner())[0].Variable)
}
