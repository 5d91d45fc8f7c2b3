package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
)

// HTTPConfig is what the HTTP door stands on.
type HTTPConfig struct {
	// Set is the modules, whose routes are served.
	Set module.Set
	// Clusters lead to the tenants' data.
	Clusters *tenants.Clusters
	// Tenants is the operator's service behind the admin API.
	Tenants *tenants.Service
	// Resolver finds the tenant that a token names.
	Resolver *tenants.Resolver
	// Verifier checks tokens.
	Verifier *tenants.Verifier
	// Broker tells why the broker cannot be reached, or nothing. Nil where there is none.
	Broker func(ctx context.Context) error
	// Log takes one line for each request. Default: nothing is logged.
	Log *slog.Logger
	// Version is the program's version, as the API's document shows it. Default "dev".
	Version string
	// RequestTimeout is the longest time that one request may take. Default 10 s.
	RequestTimeout time.Duration
	// MaxBodyBytes is the size of the largest body. Default 1 MiB.
	MaxBodyBytes int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (c HTTPConfig) withDefaults() HTTPConfig {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 10 * time.Second
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 1 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// What the server allows a connection, beside the time of the request itself.
const (
	readTimeout  = 15 * time.Second // a request that trickles in
	writeTimeout = 30 * time.Second // an answer that is not taken
	idleTimeout  = 75 * time.Second // longer than the usual proxy keeps one, so that the proxy ends it
	headerBytes  = 16 << 10         // the line and the headers of a request; a token may take half of it
)

// NewHTTP makes the HTTP door: the routes of all modules, the operators' routes, health and the
// document of the API, behind one chain of middleware and one table of errors.
func NewHTTP(config HTTPConfig) (*fiber.App, huma.API) {
	config = config.withDefaults()
	useProblems()
	server := fiber.New(fiber.Config{
		AppName:               "tenantry",
		DisableStartupMessage: true,
		CaseSensitive:         true,
		StrictRouting:         true,
		BodyLimit:             config.MaxBodyBytes,
		ReadBufferSize:        headerBytes,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           idleTimeout,
		ErrorHandler:          writeError,
	})
	useMiddleware(server, config)
	api := humafiber.New(server, apiConfig(config.Version))
	routeModules(api, config)
	routeHealth(server, config)
	routeDocument(server, api)
	return server, api
}

// useMiddleware is the way of every request, from the outside in.
func useMiddleware(server *fiber.App, config HTTPConfig) {
	access := tenants.AccessConfig{
		Verifier: config.Verifier, Resolver: config.Resolver, Clusters: config.Clusters,
		CheckActor: config.Set.CheckActor, Now: config.Now,
	}
	server.Use(
		identify,                          // request id and trace context
		harden,                            // what browsers may do with an answer
		logAccess(config.Log, config.Now), // one line, and errors become answers
		recoverPanic,                      // a panic is an internal error
		limitTime(config.RequestTimeout),  // one deadline for all that a request does
		checkTarget,                       // a target that cannot be read goes no further
	)
	server.Use("/v1", tenants.TenantAccess(access))         // token -> actor and scope
	server.Use("/graphql", tenants.TenantAccess(access))    // the same at the other door
	server.Use("/admin/v1", tenants.OperatorAccess(access)) // token -> operator
	server.Use(checkBody)                                   // JSON, and not compressed
}

// routeModules registers the operations, and documents what is common to each kind.
func routeModules(api huma.API, config HTTPConfig) {
	tenantAPI, adminAPI := huma.NewGroup(api), huma.NewGroup(api)
	tenantAPI.UseSimpleModifier(document(tenantScheme))
	adminAPI.UseSimpleModifier(document(operatorScheme))
	routeTenants(adminAPI, config.Tenants)
	for _, m := range config.Set.Modules {
		if m.Routes != nil {
			m.Routes(tenantAPI)
		}
		if m.AdminRoutes != nil {
			m.AdminRoutes(adminAPI)
		}
	}
}
