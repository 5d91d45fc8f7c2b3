package tenants_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

func TestOnboardMakesATenant(t *testing.T) {
	t.Parallel()
	for _, cluster := range []string{"main", "eu-1"} {
		t.Run(cluster, func(t *testing.T) {
			t.Parallel()
			request := requestFor(newSlug())
			request.Cluster = cluster
			tenant, created, err := newService().Onboard(t.Context(), operator, request)
			require.NoError(t, err)
			require.True(t, created)
			require.Equal(t, tenants.Active, tenant.Status)
			require.Equal(t, migrations.Tenant().Latest(), tenant.SchemaVersion)
			require.Equal(t, "owner", tenant.OwnerName)
			require.NotNil(t, tenant.OwnerUserID)
			require.Equal(t, []string{"Tenant.created", "Tenant.onboarded"}, controlEvents(t, shared, tenant.ID))

			again, created, err := newService().Onboard(t.Context(), operator, request)
			require.NoError(t, err)
			require.False(t, created)
			require.Equal(t, tenant, again)
			requirePlaced(t, tenant)
		})
	}
}

// requirePlaced checks the worker's view of a tenant.
func requirePlaced(t *testing.T, tenant tenants.Tenant) {
	t.Helper()
	cluster, err := shared.Get(tenant.Cluster)
	require.NoError(t, err)
	var slug string
	var weight, ledger int
	require.NoError(t, cluster.Pool().QueryRow(t.Context(), `select slug, weight, (select count(*) from dispatch.ledger l where l.tenant_id = d.tenant_id)
		from dispatch.tenants d where tenant_id = $1`, tenant.ID).Scan(&slug, &weight, &ledger))
	require.Equal(t, tenant.Slug, slug)
	require.Equal(t, tenant.Weight, weight)
	require.Equal(t, 1, ledger)
}

func TestOnboardRefusesATakenSlug(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	for name, change := range map[string]func(*tenants.OnboardRequest){
		"name":    func(r *tenants.OnboardRequest) { r.Name = "Another" },
		"cluster": func(r *tenants.OnboardRequest) { r.Cluster = "eu-1" },
		"owner":   func(r *tenants.OnboardRequest) { r.OwnerEmail = "another@example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := requestFor(tenant.Slug)
			change(&request)
			_, _, err := newService().Onboard(t.Context(), operator, request)
			require.Equal(t, "slug_taken", fault.CodeOf(err))
			require.Equal(t, fault.Conflict, fault.KindOf(err))
		})
	}
}

func TestOnboardReportsAllFields(t *testing.T) {
	t.Parallel()
	for ownerName, want := range map[string][]string{
		"x":                      {"slug", "name", "cluster", "owner.email"},
		"":                       {"slug", "name", "cluster", "owner.email"}, // nobody wrote a name that could be wrong
		"a\x00":                  {"slug", "name", "cluster", "owner.email", "owner.name"},
		strings.Repeat("x", 201): {"slug", "name", "cluster", "owner.email", "owner.name"},
	} {
		_, _, err := newService().Onboard(t.Context(), operator, tenants.OnboardRequest{
			Slug: "Not A Slug", Name: " ", Cluster: "mars", OwnerEmail: "Someone\x00 <a@b.c>", OwnerName: ownerName,
		})
		problem, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, fault.Invalid, problem.Kind)
		var names []string
		for _, field := range problem.Fields {
			names = append(names, field.Name)
		}
		require.Equal(t, want, names)
	}
}

func TestOnboardIsForOperators(t *testing.T) {
	t.Parallel()
	admin := tenants.Actor{UserID: "u", Roles: []tenants.Role{tenants.Admin}}
	_, _, err := newService().Onboard(t.Context(), admin, requestFor(newSlug()))
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
}

func TestOnboardNeedsTheOwnersLogin(t *testing.T) {
	t.Parallel()
	settings := settingsOf("tenantry", "")
	settings.OwnerDatabaseURL = ""
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	defer clusters.Close()
	service, slug := tenants.NewService(clusters, hooks), newSlug()
	_, _, err = service.Onboard(t.Context(), operator, requestFor(slug))
	require.Equal(t, "onboarding_unavailable", fault.CodeOf(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = service.Get(t.Context(), operator, slug)
	require.Equal(t, fault.NotFound, fault.KindOf(err), "the slug was not given away")
}

func TestOnboardFinishesWhatACrashLeft(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	ways := map[string]func(cancel context.CancelFunc) error{
		"error":  func(context.CancelFunc) error { return crash },
		"panic":  func(context.CancelFunc) error { panic(crash) },
		"cancel": func(cancel context.CancelFunc) error { cancel(); return nil },
	}
	for _, at := range tenants.OnboardSteps() {
		for way, crash := range ways {
			t.Run(at+"/"+way, func(t *testing.T) {
				t.Parallel()
				request := requestFor(newSlug())
				request.Cluster = "eu-1"
				service := newService()
				interrupted(t, service, request, at, crash)

				tenant, _, err := newService().Onboard(t.Context(), operator, request)
				require.NoError(t, err)
				require.Equal(t, tenants.Active, tenant.Status)
				require.Equal(t, []string{"Tenant.created", "Tenant.onboarded"}, controlEvents(t, shared, tenant.ID))
				requirePlaced(t, tenant)
				requireOneOwner(t, tenant)
			})
		}
	}
}

// interrupted runs an onboarding that ends after a step.
func interrupted(t *testing.T, service *tenants.Service, request tenants.OnboardRequest, at string, crash func(context.CancelFunc) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := false
	service.StopAfter(func(_ context.Context, step string) error {
		if step != at {
			return nil
		}
		reached = true
		return crash(cancel)
	})
	func() {
		defer func() { _ = recover() }()
		_, _, _ = service.Onboard(ctx, operator, request)
	}()
	require.True(t, reached)
}

func requireOneOwner(t *testing.T, tenant tenants.Tenant) {
	t.Helper()
	require.NoError(t, scopeOf(t, tenant).Transact(t.Context(), func(tx *tenants.Tx) error {
		var ids []string
		require.NoError(t, tx.DB.Raw("select id from users").Scan(&ids).Error)
		require.Equal(t, []string{*tenant.OwnerUserID}, ids)
		return nil
	}))
}

func TestAChangeDuringOnboardingReachesTheWorkers(t *testing.T) {
	t.Parallel()
	for _, at := range tenants.OnboardSteps()[:4] {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			service, request, slug, weight := newService(), requestFor(newSlug()), newSlug(), 9
			service.StopAfter(func(ctx context.Context, step string) error {
				if step != at {
					return nil
				}
				_, err := newService().Update(ctx, operator, request.Slug, 1, tenants.Changes{Slug: &slug, Weight: &weight})
				return err
			})
			tenant, created, err := service.Onboard(t.Context(), operator, request)
			require.NoError(t, err)
			require.True(t, created)
			require.Equal(t, slug, tenant.Slug)
			requirePlaced(t, tenant)
		})
	}
}

func TestOnboardingsOfOneSlugMakeOneTenant(t *testing.T) {
	t.Parallel()
	request := requestFor(newSlug())
	const callers = 6
	found, made := make([]tenants.Tenant, callers), make([]bool, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			var err error
			found[i], made[i], err = newService().Onboard(t.Context(), operator, request)
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	count := 0
	for i := range callers {
		require.Equal(t, found[0].ID, found[i].ID)
		if made[i] {
			count++
		}
	}
	require.Equal(t, 1, count)
	requireOneOwner(t, found[0])
}
