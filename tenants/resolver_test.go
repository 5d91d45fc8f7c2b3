package tenants_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// startResolver runs a resolver, as another API process has one.
func startResolver(t *testing.T, clusters *tenants.Clusters) *tenants.Resolver {
	t.Helper()
	resolver := tenants.NewResolver(tenants.NewRegistry(clusters))
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := resolver.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
	return resolver
}

func TestASuspensionIsNoticedWithinASecond(t *testing.T) {
	t.Parallel()
	tenant, service := newTenant(t), newService()
	resolvers := []*tenants.Resolver{startResolver(t, shared), startResolver(t, shared)}
	for _, resolver := range resolvers {
		remembered := func() bool {
			found, err := resolver.Resolve(t.Context(), tenant.Slug)
			require.NoError(t, err)
			require.Equal(t, tenants.Active, found.Status)
			return resolver.Known(tenant.ID)
		}
		require.Eventually(t, remembered, 5*time.Second, time.Millisecond)
	}
	_, err := service.Suspend(t.Context(), operator, tenant.Slug)
	require.NoError(t, err)
	for _, resolver := range resolvers {
		noticed := func() bool {
			found, err := resolver.Resolve(t.Context(), tenant.Slug)
			require.NoError(t, err)
			return found.Status == tenants.Suspended
		}
		require.Eventually(t, noticed, time.Second, 5*time.Millisecond)
	}
}

func TestAChangeByHandIsNoticed(t *testing.T) {
	t.Parallel()
	tenant, resolver := newTenant(t), tenants.NewResolver(tenants.NewRegistry(shared))
	remember(t, resolver, tenant.Slug, tenant.ID)
	_, err := superuser(t, "tenantry").Exec(t.Context(), "update control.tenants set status = 'suspended' where id = $1", tenant.ID)
	require.NoError(t, err)
	require.NoError(t, resolver.Poll(t.Context()))
	found, err := resolver.Resolve(t.Context(), tenant.Slug)
	require.NoError(t, err)
	require.Equal(t, tenants.Suspended, found.Status)
	require.Equal(t, tenant.LockVersion+1, found.LockVersion)
}

// remember makes a resolver keep a tenant.
func remember(t *testing.T, resolver *tenants.Resolver, key, id string) {
	t.Helper()
	require.NoError(t, resolver.Poll(t.Context()))
	_, err := resolver.Resolve(t.Context(), key)
	require.NoError(t, err)
	require.True(t, resolver.Known(id))
}

func TestTransactionsThatBecomeVisibleLateAreNoticed(t *testing.T) {
	t.Parallel()
	early, late := newTenant(t), newTenant(t)
	resolver := tenants.NewResolver(tenants.NewRegistry(shared))
	remember(t, resolver, early.Slug, early.ID)
	remember(t, resolver, late.Slug, late.ID)

	// The first transaction begins before the second and commits after a poll has seen the second.
	first, err := superuser(t, "tenantry").Begin(t.Context())
	require.NoError(t, err)
	_, err = first.Exec(t.Context(), "update control.tenants set weight = 50 where id = $1", late.ID)
	require.NoError(t, err)
	_, err = newService().Suspend(t.Context(), operator, early.Slug)
	require.NoError(t, err)
	require.NoError(t, resolver.Poll(t.Context()))
	require.NoError(t, first.Commit(t.Context()))
	require.NoError(t, resolver.Poll(t.Context()))

	found, err := resolver.Resolve(t.Context(), late.Slug)
	require.NoError(t, err)
	require.Equal(t, 50, found.Weight)
	found, err = resolver.Resolve(t.Context(), early.Slug)
	require.NoError(t, err)
	require.Equal(t, tenants.Suspended, found.Status)
}

func TestALookupDuringAPollIsNotKept(t *testing.T) {
	t.Parallel()
	tenant, resolver := newTenant(t), tenants.NewResolver(tenants.NewRegistry(shared))
	require.NoError(t, resolver.Poll(t.Context()))
	resolver.BeginPoll()
	_, err := resolver.Resolve(t.Context(), tenant.Slug)
	require.NoError(t, err)
	resolver.EndPoll()
	require.False(t, resolver.Known(tenant.ID), "the poll may have seen a change that the lookup did not")
	remember(t, resolver, tenant.Slug, tenant.ID)
}

func TestAnotherServerBeginsAnew(t *testing.T) {
	t.Parallel()
	tenant, resolver := newTenant(t), tenants.NewResolver(tenants.NewRegistry(shared))
	remember(t, resolver, tenant.Slug, tenant.ID)
	resolver.BeginPoll()
	resolver.EndPollAway()
	require.True(t, resolver.Known(tenant.ID), "what is known is good until it is too old")
	require.NoError(t, resolver.Poll(t.Context()))
	require.False(t, resolver.Known(tenant.ID), "the server that answers now may have lost what is known")
}

func TestARenamedTenantIsFoundByEachOfItsNames(t *testing.T) {
	t.Parallel()
	tenant, resolver, slug := newTenant(t), tenants.NewResolver(tenants.NewRegistry(shared)), newSlug()
	remember(t, resolver, tenant.Slug, tenant.ID)
	_, err := newService().Update(t.Context(), operator, tenant.Slug, tenant.LockVersion, tenants.Changes{Slug: &slug})
	require.NoError(t, err)
	require.NoError(t, resolver.Poll(t.Context()))
	for _, name := range []string{tenant.Slug, slug, tenant.ID} {
		found, err := resolver.Resolve(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, slug, found.Slug)
	}
}

func TestWithoutPollsTheRegistryIsAsked(t *testing.T) {
	t.Parallel()
	tenant, resolver := newTenant(t), tenants.NewResolver(tenants.NewRegistry(shared))
	now := time.Now()
	resolver.SetClock(func() time.Time { return now })
	remember(t, resolver, tenant.Slug, tenant.ID)
	_, err := newService().Suspend(t.Context(), operator, tenant.Slug)
	require.NoError(t, err)

	now = now.Add(999 * time.Millisecond)
	found, err := resolver.Resolve(t.Context(), tenant.Slug)
	require.NoError(t, err)
	require.Equal(t, tenants.Active, found.Status, "what is remembered is good for a second")
	now = now.Add(time.Millisecond)
	found, err = resolver.Resolve(t.Context(), tenant.Slug)
	require.NoError(t, err)
	require.Equal(t, tenants.Suspended, found.Status)
}

func TestAnUnknownTenantIsNotFound(t *testing.T) {
	t.Parallel()
	resolver := tenants.NewResolver(tenants.NewRegistry(shared))
	for _, name := range []string{newSlug(), "00000000-0000-4000-8000-000000000000", "'; drop table x; --", "\x00", "\xff"} {
		_, err := resolver.Resolve(t.Context(), name)
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%q: %v", name, err)
	}
}

func TestAnAwayRegistryIsUnavailable(t *testing.T) {
	t.Parallel()
	clusters, err := tenants.OpenClusters(config.Settings{DatabaseURL: "postgres://app@127.0.0.1:1/none", DatabasePoolSize: 1}, tenants.Options{})
	require.NoError(t, err)
	defer clusters.Close()
	resolver := startResolver(t, clusters)
	_, err = resolver.Resolve(t.Context(), "acme")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	var away *fault.Error
	require.ErrorAs(t, err, &away)
	require.Positive(t, away.RetryAfter)
}
