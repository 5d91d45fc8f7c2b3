package user_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/tenants"

	"github.com/gofiber/fiber/v2"
)

// world is one server for all tests of the package; each test has tenants of its own.
type world struct {
	server   *fiber.App
	tenants  *tenants.Service
	settings config.JWT
}

var shared world //nolint:gochecknoglobals // TestMain has no other way to its tests

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx := context.Background()
	postgres, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Throwaway: true})
	if err != nil {
		return 1, err
	}
	settings := config.Settings{
		DatabaseURL: postgres.AppURL(), OwnerDatabaseURL: postgres.OwnerURL(), DatabasePoolSize: 16, TenantsPerConnection: 1000,
		JWT: config.JWT{Secret: "0123456789abcdef0123456789abcdef", Issuer: "tenantry", Audience: "tenantry", TenantClaim: "tenant", RolesClaim: "roles"},
	}
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	if err != nil {
		return 1, err
	}
	if err := tenants.MigrateControl(ctx, clusters); err != nil {
		return 1, err
	}
	set := module.Set{Modules: []module.Module{user.Module(module.Env{})}}
	service := tenants.NewService(clusters, set.OnboardHooks)
	verifier, err := tenants.NewVerifier(ctx, settings.JWT)
	if err != nil {
		return 1, err
	}
	server, _ := app.NewHTTP(app.HTTPConfig{
		Set: set, Clusters: clusters, Tenants: service, Resolver: tenants.NewResolver(service.Registry()), Verifier: verifier,
	})
	shared = world{server: server, tenants: service, settings: settings.JWT}
	code := m.Run()
	verifier.Close()
	clusters.Close()
	if err := postgres.Stop(ctx); err != nil {
		return 1, err
	}
	if code == 0 {
		// The server's library starts one loop per process that formats the date and never ends it.
		return 0, goleak.Find(goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
	}
	return code, nil
}
