package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

// gate is an API behind the middleware, as the app builds it.
type gate struct {
	app     *fiber.App
	checks  atomic.Int32
	worked  atomic.Int32
	refused sync.Map
	clock   atomic.Int64
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{app: fiber.New(fiber.Config{DisableStartupMessage: true, ErrorHandler: answerFault})}
	g.clock.Store(time.Now().UnixNano())
	access := tenants.AccessConfig{
		Verifier: verifierOf(t, secretSettings()), Resolver: startResolver(t, shared), Clusters: shared,
		CheckActor: g.check, Now: func() time.Time { return time.Unix(0, g.clock.Load()) },
	}
	g.app.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(tenants.WithTraceParent(tenants.WithRequestID(c.UserContext(), "req-7"), "00-trace"))
		return c.Next()
	})
	g.app.All("/tenant", tenants.TenantAccess(access), func(c *fiber.Ctx) error {
		actor, scope, err := tenants.Access(c.UserContext())
		if err != nil {
			return err
		}
		if err := g.enter(c.UserContext(), scope, c.Query("way")); err != nil {
			return err
		}
		return c.SendString(strings.Join([]string{scope.TenantID(), actor.TenantID, actor.UserID, fmt.Sprint(actor.Roles), actor.RequestID, actor.TraceParent}, " "))
	})
	g.app.Get("/admin", tenants.OperatorAccess(access), func(c *fiber.Ctx) error {
		actor, err := tenants.OperatorFrom(c.UserContext())
		if err != nil {
			return err
		}
		return c.SendString(actor.UserID + " " + actor.RequestID)
	})
	return g
}

// enter takes one of the ways to the tenant's data, and counts the work that is done there.
func (g *gate) enter(ctx context.Context, scope *tenants.Scope, way string) error {
	work := func(*tenants.Tx) error { //nolint:unparam // the shape of a transaction's work
		g.worked.Add(1)
		return nil
	}
	nothing := tenants.Statement{SQL: "select 1"}
	switch way {
	case "guarded":
		return scope.Guarded(nothing).Transact(ctx, work)
	case "pipeline":
		return scope.Pipeline(ctx, tenants.Row("select 1", nil, func(func(...any) error) error { return work(nil) }))
	default:
		return scope.Transact(ctx, work)
	}
}

// check refuses whom the test names, as the user module refuses who is disabled.
func (g *gate) check(actor tenants.Actor) []tenants.Statement {
	g.checks.Add(1)
	return []tenants.Statement{tenants.Row("select current_schema()::text", nil, func(func(...any) error) error {
		if err, ok := g.refused.Load(actor.UserID); ok {
			return err.(error)
		}
		return nil
	})}
}

// answerFault writes the kind and code, in place of the app's own handler.
func answerFault(c *fiber.Ctx, err error) error {
	return c.Status(http.StatusTeapot).SendString(fmt.Sprint(fault.KindOf(err), " ", fault.CodeOf(err)))
}

func (g *gate) get(t *testing.T, path, token string, change ...func(*http.Request)) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(`{"tenant":"globex"}`))
	if path == "/admin" {
		request.Method = http.MethodGet
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for _, change := range change {
		change(request)
	}
	response, err := g.app.Test(request, -1)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func tokenFor(t *testing.T, tenant, user string, roles ...tenants.Role) string {
	t.Helper()
	token, err := tenants.Mint(secretSettings(), tenants.TokenRequest{Tenant: tenant, UserID: user, Roles: roles, Now: time.Now()})
	require.NoError(t, err)
	return token
}

func answerOf(kind fault.Kind, code string) string { return fmt.Sprint(kind, " ", code) }

func TestTenantAccess(t *testing.T) {
	t.Parallel()
	g, tenant, other := newGate(t), newTenant(t), newTenant(t)
	want := tenant.ID + " " + tenant.ID + " u-1 [admin] req-7 00-trace"
	for _, name := range []string{tenant.Slug, tenant.ID} {
		require.Equal(t, want, g.get(t, "/tenant", tokenFor(t, name, "u-1", tenants.Admin)))
	}
	// Whatever else names a tenant selects none.
	elsewhere := func(r *http.Request) {
		r.Header.Set("X-Tenant", other.Slug)
		r.Header.Set("X-Tenant-Id", other.ID)
		r.Host = other.Slug + ".example.com"
		r.URL.RawQuery = "tenant=" + other.Slug
	}
	require.Equal(t, want, g.get(t, "/tenant", tokenFor(t, tenant.Slug, "u-1", tenants.Admin), elsewhere))

	unauthenticated := answerOf(fault.Unauthenticated, "unauthenticated")
	require.Equal(t, unauthenticated, g.get(t, "/tenant", ""))
	require.Equal(t, unauthenticated, g.get(t, "/tenant", "nonsense"))
	require.Equal(t, unauthenticated, g.get(t, "/tenant", tokenFor(t, newSlug(), "u-1", tenants.Admin)), "no such tenant")
	require.Equal(t, unauthenticated, g.get(t, "/tenant", "", func(r *http.Request) {
		r.Header.Set("Authorization", "Basic "+tokenFor(t, tenant.Slug, "u-1", tenants.Admin))
	}))
	require.Equal(t, want, g.get(t, "/tenant", "", func(r *http.Request) {
		r.Header.Set("Authorization", "bearer "+tokenFor(t, tenant.Slug, "u-1", tenants.Admin))
	}), "the scheme's case does not matter")
	require.Equal(t, answerOf(fault.Forbidden, "forbidden"), g.get(t, "/tenant", tokenFor(t, "", "op", tenants.Operator)))
}

func TestTheDoorsOfAClosedTenantRefuse(t *testing.T) {
	t.Parallel()
	g, service := newGate(t), newService()
	tenant := newTenant(t)
	token := tokenFor(t, tenant.Slug, "u-1", tenants.Admin)
	require.Contains(t, g.get(t, "/tenant", token), tenant.ID)
	_, err := service.Suspend(t.Context(), operator, tenant.Slug)
	require.NoError(t, err)
	suspended := func() bool { return g.get(t, "/tenant", token) == answerOf(fault.Forbidden, "tenant_suspended") }
	require.Eventually(t, suspended, time.Second, 5*time.Millisecond)
	_, err = service.Offboard(t.Context(), operator, tenant.Slug)
	require.NoError(t, err)
	leaving := func() bool { return g.get(t, "/tenant", token) == answerOf(fault.Forbidden, "tenant_unavailable") }
	require.Eventually(t, leaving, time.Second, 5*time.Millisecond)

	request := requestFor(newSlug())
	interrupted(t, service, request, "registered", func(context.CancelFunc) error { return errors.New("crash") })
	require.Equal(t, answerOf(fault.Forbidden, "tenant_unavailable"), g.get(t, "/tenant", tokenFor(t, request.Slug, "u-1", tenants.Admin)))
}

func TestOperatorAccess(t *testing.T) {
	t.Parallel()
	g, tenant := newGate(t), newTenant(t)
	require.Equal(t, "op req-7", g.get(t, "/admin", tokenFor(t, "", "op", tenants.Operator)))
	forbidden := answerOf(fault.Forbidden, "forbidden")
	require.Equal(t, forbidden, g.get(t, "/admin", tokenFor(t, tenant.Slug, "u-1", tenants.Admin)))
	require.Equal(t, answerOf(fault.Unauthenticated, "unauthenticated"), g.get(t, "/admin", ""))
	require.Equal(t, answerOf(fault.Unauthenticated, "unauthenticated"), g.get(t, "/admin", tokenFor(t, tenant.Slug, "op", tenants.Operator)))
}

func TestAnAnswerAboutAnActorIsRememberedForAMoment(t *testing.T) {
	t.Parallel()
	g, tenant, other := newGate(t), newTenant(t), newTenant(t)
	token := tokenFor(t, tenant.Slug, "u-1", tenants.Admin)
	for range 5 {
		require.Contains(t, g.get(t, "/tenant", token), tenant.ID)
	}
	require.Equal(t, int32(1), g.checks.Load())
	require.Contains(t, g.get(t, "/tenant", tokenFor(t, other.Slug, "u-1", tenants.Admin)), other.ID)
	require.Equal(t, int32(2), g.checks.Load(), "the same user id of another tenant is another user")

	g.refused.Store("u-1", fault.New(fault.Forbidden, "user_disabled", "Disabled."))
	g.clock.Add(int64(time.Second))
	for range 5 {
		require.Equal(t, answerOf(fault.Forbidden, "user_disabled"), g.get(t, "/tenant", token))
	}
	require.Equal(t, int32(3), g.checks.Load(), "a refusal is remembered too")

	g.refused.Store("u-2", fault.New(fault.Unavailable, "away", "Away."))
	for i := range int32(2) {
		require.Equal(t, answerOf(fault.Unavailable, "away"), g.get(t, "/tenant", tokenFor(t, tenant.Slug, "u-2", tenants.Admin)))
		require.Equal(t, 4+i, g.checks.Load(), "that nobody could be asked is not remembered")
	}
}

// TestWhoIsRefusedReachesNothing tries each way to the data, with nothing remembered.
func TestWhoIsRefusedReachesNothing(t *testing.T) {
	t.Parallel()
	g, tenant := newGate(t), newTenant(t)
	for _, way := range []string{"plain", "guarded", "pipeline"} {
		user := "u-" + way
		require.Contains(t, g.get(t, "/tenant?way="+way, tokenFor(t, tenant.Slug, "well-"+user, tenants.Admin)), tenant.ID)
		worked := g.worked.Load()
		g.refused.Store(user, fault.New(fault.Unauthenticated, "user_disabled", "Disabled."))
		require.Equal(t, answerOf(fault.Unauthenticated, "user_disabled"),
			g.get(t, "/tenant?way="+way, tokenFor(t, tenant.Slug, user, tenants.Admin)), way)
		require.Equal(t, worked, g.worked.Load(), way)
	}
	require.Equal(t, int32(3), g.worked.Load())
}

func TestWithoutTheMiddlewareThereIsNoAccess(t *testing.T) {
	t.Parallel()
	_, _, err := tenants.Access(t.Context())
	require.Error(t, err)
	_, err = tenants.OperatorFrom(t.Context())
	require.Error(t, err)
	require.Empty(t, tenants.RequestID(t.Context()))
	require.Empty(t, tenants.TraceParent(t.Context()))
}

func TestRequestsAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	all := []tenants.Tenant{newTenant(t), newTenant(t)}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 25 {
				tenant, user := all[(worker+i)%2], fmt.Sprintf("u-%d-%d", worker, i)
				want := tenant.ID + " " + tenant.ID + " " + user + " [member] req-7 00-trace"
				if got := g.get(t, "/tenant", tokenFor(t, tenant.Slug, user, tenants.Member)); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	group.Wait()
}
