package tenants_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	service, tenant := newService(), newTenant(t)
	_, err := service.Resume(t.Context(), operator, tenant.Slug)
	require.NoError(t, err, "an active tenant is what it asks for")
	for range 2 {
		suspended, err := service.Suspend(t.Context(), operator, tenant.Slug)
		require.NoError(t, err)
		require.Equal(t, tenants.Suspended, suspended.Status)
		require.Equal(t, tenant.LockVersion+1, suspended.LockVersion)
	}
	resumed, err := service.Resume(t.Context(), operator, tenant.ID)
	require.NoError(t, err)
	require.Equal(t, tenants.Active, resumed.Status)

	leaving, err := service.Offboard(t.Context(), operator, tenant.Slug)
	require.NoError(t, err)
	require.Equal(t, tenants.Offboarding, leaving.Status)
	_, err = service.Resume(t.Context(), operator, tenant.Slug)
	require.Equal(t, "tenant_status", fault.CodeOf(err))
	require.Equal(t, []string{"Tenant.created", "Tenant.onboarded", "Tenant.suspended", "Tenant.resumed", "Tenant.offboarding"},
		controlEvents(t, shared, tenant.ID))
}

func TestUpdateChecksTheVersion(t *testing.T) {
	t.Parallel()
	service, tenant := newService(), newTenant(t)
	name, weight := "Another", 7
	updated, err := service.Update(t.Context(), operator, tenant.Slug, tenant.LockVersion, tenants.Changes{Name: &name, Weight: &weight})
	require.NoError(t, err)
	require.Equal(t, name, updated.Name)
	require.Equal(t, tenant.LockVersion+1, updated.LockVersion)
	requirePlaced(t, updated)

	_, err = service.Update(t.Context(), operator, tenant.Slug, tenant.LockVersion, tenants.Changes{Name: &tenant.Name})
	require.Equal(t, fault.Stale, fault.KindOf(err))
	same, err := service.Update(t.Context(), operator, tenant.Slug, updated.LockVersion, tenants.Changes{Name: &name})
	require.NoError(t, err)
	require.Equal(t, updated, same)
}

func TestOneOfTwoUpdatesWins(t *testing.T) {
	t.Parallel()
	service, tenant := newService(), newTenant(t)
	outcomes := make([]error, 4)
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() {
			weight := i + 2
			_, outcomes[i] = service.Update(t.Context(), operator, tenant.Slug, tenant.LockVersion, tenants.Changes{Weight: &weight})
		})
	}
	group.Wait()
	won := 0
	for _, err := range outcomes {
		if err == nil {
			won++
			continue
		}
		require.Equal(t, fault.Stale, fault.KindOf(err))
	}
	require.Equal(t, 1, won)
	current, err := service.Get(t.Context(), operator, tenant.ID)
	require.NoError(t, err)
	requirePlaced(t, current)
}

func TestARenamedTenantKeepsItsOldSlug(t *testing.T) {
	t.Parallel()
	service, tenant, other := newService(), newTenant(t), newTenant(t)
	slug := newSlug()
	renamed, err := service.Update(t.Context(), operator, tenant.Slug, tenant.LockVersion, tenants.Changes{Slug: &slug})
	require.NoError(t, err)
	require.Equal(t, slug, renamed.Slug)
	require.Equal(t, tenant.SchemaName, renamed.SchemaName)
	requirePlaced(t, renamed)
	for _, name := range []string{tenant.Slug, slug, tenant.ID} {
		found, err := service.Get(t.Context(), operator, name)
		require.NoError(t, err)
		require.Equal(t, tenant.ID, found.ID, "an old token still means this tenant")
	}

	_, _, err = service.Onboard(t.Context(), operator, requestFor(tenant.Slug))
	require.Equal(t, "slug_taken", fault.CodeOf(err))
	for _, taken := range []string{tenant.Slug, slug} {
		_, err = service.Update(t.Context(), operator, other.Slug, other.LockVersion, tenants.Changes{Slug: &taken})
		require.Equal(t, "slug_taken", fault.CodeOf(err))
	}
	back, err := service.Update(t.Context(), operator, slug, renamed.LockVersion, tenants.Changes{Slug: &tenant.Slug})
	require.NoError(t, err, "its own old slug it may have again")
	require.Equal(t, tenant.Slug, back.Slug)
}

func TestUpdateReportsAllFields(t *testing.T) {
	t.Parallel()
	name, slug, weight := "", "pg-x", 0
	_, err := newService().Update(t.Context(), operator, "x", 1, tenants.Changes{Name: &name, Slug: &slug, Weight: &weight})
	var problem *fault.Error
	require.ErrorAs(t, err, &problem)
	require.Len(t, problem.Fields, 3)
}

func TestVerbsAreForOperators(t *testing.T) {
	t.Parallel()
	service, tenant := newService(), newTenant(t)
	for _, role := range []tenants.Role{tenants.Admin, tenants.Member, tenants.Auditor} {
		actor := tenants.Actor{TenantID: tenant.ID, UserID: "u", Roles: []tenants.Role{role}}
		var errs []error
		note := func(err error) { errs = append(errs, err) }
		_, err := service.Get(t.Context(), actor, tenant.Slug)
		note(err)
		_, _, err = service.List(t.Context(), actor, tenants.ListFilter{})
		note(err)
		_, err = service.Update(t.Context(), actor, tenant.Slug, 1, tenants.Changes{})
		note(err)
		_, err = service.Suspend(t.Context(), actor, tenant.Slug)
		note(err)
		_, err = service.Resume(t.Context(), actor, tenant.Slug)
		note(err)
		_, err = service.Offboard(t.Context(), actor, tenant.Slug)
		note(err)
		_, err = service.Migrate(t.Context(), actor, tenants.MigrateOptions{})
		note(err)
		_, err = service.MigrateDown(t.Context(), actor, tenant.Slug)
		note(err)
		for _, err := range errs {
			require.Equal(t, fault.Forbidden, fault.KindOf(err))
		}
	}
}

func TestListIsPaged(t *testing.T) {
	t.Parallel()
	clusters := newClusters(t, nil)
	service := tenants.NewService(clusters, hooks)
	var slugs []string
	for _, slug := range []string{"aaa", "bbb", "ccc", "ddd", "eee"} {
		_, _, err := service.Onboard(t.Context(), operator, requestFor(slug))
		require.NoError(t, err)
	}
	_, err := service.Suspend(t.Context(), operator, "ccc")
	require.NoError(t, err)
	cursor := ""
	for {
		items, next, err := service.List(t.Context(), operator, tenants.ListFilter{Limit: 2, Cursor: cursor})
		require.NoError(t, err)
		for _, item := range items {
			slugs = append(slugs, item.Slug)
		}
		if cursor = next; next == "" {
			break
		}
	}
	require.Equal(t, []string{"aaa", "bbb", "ccc", "ddd", "eee"}, slugs)
	items, next, err := service.List(t.Context(), operator, tenants.ListFilter{Status: tenants.Suspended, Limit: 1})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, items, 1)
	for _, filter := range []tenants.ListFilter{
		{Limit: 201}, {Limit: -1}, {Status: "x"}, {Cursor: "?"}, {Cursor: "QUFB"}, {Cursor: "IkEi"},
	} {
		_, _, err := service.List(t.Context(), operator, filter)
		require.Equal(t, fault.Malformed, fault.KindOf(err), "%+v", filter)
	}
}
