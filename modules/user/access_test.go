package user_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/tenants"
)

// operations are all of the module, with a body that would be accepted.
func operations(id string) []struct{ method, path, body string } {
	return []struct{ method, path, body string }{
		{http.MethodGet, "/v1/users", ""},
		{http.MethodGet, "/v1/users/" + id, ""},
		{http.MethodPost, "/v1/users", `{"email":"new@example.com","name":"New","role":"member"}`},
		{http.MethodPatch, "/v1/users/" + id, `{"name":"B"}`},
		{http.MethodPost, "/v1/users/" + id + "/disable", ""},
		{http.MethodPost, "/v1/users/" + id + "/enable", ""},
		{http.MethodDelete, "/v1/users/" + id, ""},
	}
}

func TestRolesDecideWhoReadsAndWhoWrites(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.created(t, "ada@example.com")
	for _, role := range []tenants.Role{tenants.Member, tenants.Auditor} {
		for _, op := range operations(id) {
			got := tn.call(t, role, op.method, op.path, op.body)
			if op.method == http.MethodGet {
				require.Equal(t, http.StatusOK, got.status, "%s %s %s", role, op.method, op.path)
				continue
			}
			require.Equal(t, http.StatusForbidden, got.status, "%s %s %s", role, op.method, op.path)
			require.Equal(t, "forbidden", got.json(t)["code"])
		}
	}
	require.Len(t, tn.events(t, id), 1)
}

func TestServiceChecksRolesItself(t *testing.T) {
	t.Parallel()
	tn, service := newTenant(t), user.NewService()
	nobody := tenants.Actor{TenantID: tn.Tenant.Tenant.ID, UserID: "nobody"}
	id := tn.created(t, "ada@example.com")
	_, err := service.Get(t.Context(), nobody, tn.Scope(), id)
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
	_, err = service.List(t.Context(), nobody, tn.Scope(), user.Filter{})
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
	_, err = service.Create(t.Context(), nobody, tn.Scope(), user.Input{})
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
	err = service.Delete(t.Context(), nobody, tn.Scope(), id, rest.Saw(1))
	require.Equal(t, fault.Forbidden, fault.KindOf(err))
}

func TestAnotherTenantsUserDoesNotExist(t *testing.T) {
	t.Parallel()
	tn, other := newTenant(t), newTenant(t)
	id := tn.created(t, "ada@example.com")
	for _, foreign := range []string{id, "01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11", "1", "%00", "..", "urn:uuid:" + id, "{" + id + "}"} {
		for _, op := range operations(foreign) {
			if op.path == "/v1/users" {
				continue
			}
			got := other.call(t, tenants.Admin, op.method, op.path, op.body, "If-Match", `"1"`)
			require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", op.method, op.path, got.body)
		}
	}
	require.Equal(t, http.StatusOK, tn.call(t, tenants.Member, http.MethodGet, "/v1/users/"+id, "").status)
}

func TestNothingButTheTokenNamesTheTenant(t *testing.T) {
	t.Parallel()
	tn, other := newTenant(t), newTenant(t)
	other.created(t, "theirs@example.com")
	list := tn.call(t, tenants.Admin, http.MethodGet, "/v1/users", "",
		"X-Tenant", other.Slug, "X-Tenant-Id", other.Tenant.Tenant.ID, "Tenant", other.Slug, "X-Forwarded-Host", other.Slug+".example.com")
	require.Equal(t, http.StatusOK, list.status)
	require.NotContains(t, list.body, "theirs@example.com")
	for _, name := range []string{"tenant", "tenant_id", "slug"} {
		require.Equal(t, http.StatusBadRequest, tn.call(t, tenants.Admin, http.MethodGet, "/v1/users?"+name+"="+other.Slug, "").status)
		body := fmt.Sprintf(`{"email":"a@example.com","name":"A","role":"member",%q:%q}`, name, other.Slug)
		require.Equal(t, http.StatusUnprocessableEntity, tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", body).status)
	}
}

func TestOnlyOneOfTwoWritersWins(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for round := range 10 {
		id := tn.created(t, fmt.Sprintf("user%d@example.com", round))
		statuses := make([]int, 2)
		var writers sync.WaitGroup
		for i := range statuses {
			writers.Go(func() {
				body := fmt.Sprintf(`{"name":"Writer %d"}`, i)
				statuses[i] = tn.call(t, tenants.Admin, http.MethodPatch, "/v1/users/"+id, body, "If-Match", `"1"`).status
			})
		}
		writers.Wait()
		require.ElementsMatch(t, []int{http.StatusOK, http.StatusPreconditionFailed}, statuses)
		require.Len(t, tn.events(t, id), 2)
	}
}

func TestDisabledUsersTokenIsRefused(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.created(t, "ada@example.com")
	require.Equal(t, http.StatusOK, tn.as(t, id, tenants.Member, http.MethodGet, "/v1/users", "").status)
	require.Equal(t, http.StatusOK, tn.call(t, tenants.Admin, http.MethodPost, "/v1/users/"+id+"/disable", "", "If-Match", `"1"`).status)
	var refused answer
	require.Eventually(t, func() bool {
		refused = tn.as(t, id, tenants.Member, http.MethodGet, "/v1/users", "")
		return refused.status == http.StatusUnauthorized
	}, 5*time.Second, 50*time.Millisecond)
	require.Equal(t, "user_disabled", refused.json(t)["code"])
	require.Equal(t, "Bearer", refused.header.Get("WWW-Authenticate"))
}

func TestOnboardingMakesTheOwnerOnce(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	require.NotEmpty(t, tn.OwnerID)
	owner := tn.call(t, tenants.Member, http.MethodGet, "/v1/users/"+tn.OwnerID, "").json(t)
	require.Equal(t, "owner@example.com", owner["email"])
	require.Equal(t, "Olive Owner", owner["name"])
	require.Equal(t, "admin", owner["role"])

	onboarding := &tenants.Onboarding{Tenant: tn.Tenant.Tenant, Actor: tn.Actor(tenants.Admin)}
	require.NoError(t, tn.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return user.Onboard(t.Context(), tx, onboarding)
	}))
	require.Equal(t, tn.OwnerID, onboarding.OwnerUserID)
	require.Len(t, tn.events(t, tn.OwnerID), 1)
}
