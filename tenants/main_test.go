package tenants_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// server is one PostgreSQL for all tests of the package; each test has tenants of its own, and those
// that need more have a database of their own.
var server *embedded.Postgres //nolint:gochecknoglobals // TestMain has no other way to its tests

// shared are two clusters with migrated control and dispatch schemas: "main" and "eu-1".
var shared *tenants.Clusters //nolint:gochecknoglobals // TestMain has no other way to its tests

func TestMain(m *testing.M) {
	if os.Getenv(childStep) != "" {
		onboardAsChild()
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if server, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Throwaway: true}); err != nil {
		return 1, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if shared, err = openShared(ctx); err == nil {
		code = m.Run()
		shared.Close()
	}
	if stopErr := server.Stop(ctx); err == nil {
		err = stopErr
	}
	if err == nil && code == 0 {
		// fasthttp keeps one goroutine for the process, which writes the date for its headers.
		err = goleak.Find(goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
	}
	return code, err
}

func openShared(ctx context.Context) (*tenants.Clusters, error) {
	if err := server.CreateDatabase(ctx, "eu"); err != nil {
		return nil, fmt.Errorf("make the second cluster: %w", err)
	}
	clusters, err := tenants.OpenClusters(settingsOf("tenantry", "eu"), tenants.Options{}) //nolint:contextcheck // it does not connect
	if err != nil {
		return nil, fmt.Errorf("open the clusters: %w", err)
	}
	if err := tenants.MigrateControl(ctx, clusters); err != nil {
		clusters.Close()
		return nil, fmt.Errorf("migrate the clusters: %w", err)
	}
	return clusters, nil
}

// settingsOf are the settings of a process whose clusters are databases of the server.
func settingsOf(home, eu string) config.Settings {
	settings := config.Settings{
		DatabaseURL:          server.URL("tenantry_app", home),
		OwnerDatabaseURL:     server.URL("tenantry_owner", home),
		DatabasePoolSize:     8,
		TenantsPerConnection: 1000,
	}
	if eu != "" {
		settings.Clusters = map[string]config.Cluster{"eu-1": {
			URL: server.URL("tenantry_app", eu), OwnerURL: server.URL("tenantry_owner", eu),
		}}
	}
	return settings
}
