package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

func onboardBody(slug string) string {
	return fmt.Sprintf(`{"slug":%q,"name":"Acme","cluster":"main","owner":{"email":"ada@example.com","name":"Ada"}}`, slug)
}

// goldenTenant replaces what differs from run to run and keeps its form.
func goldenTenant(slug string, body []byte) string {
	text := strings.ReplaceAll(string(body), slug, "SLUG")
	text = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`).ReplaceAllString(text, "UUID")
	text = regexp.MustCompile(`"schema_version":"[^"]+"`).ReplaceAllString(text, `"schema_version":"VERSION"`)
	text = regexp.MustCompile(`"lock_version":\d+`).ReplaceAllString(text, `"lock_version":N`)
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`).ReplaceAllString(text, "TIME")
}

func TestOnboardingOverHTTP(t *testing.T) {
	t.Parallel()
	operator, slug := apptest.OperatorClient(t), apptest.NewSlug()
	made := operator.Post(t, "/admin/v1/tenants", onboardBody(slug)).Require(t, http.StatusCreated)
	require.Equal(t, "/admin/v1/tenants/"+slug, made.Header.Get("Location"))
	require.Equal(t, `{"id":"UUID","slug":"SLUG","name":"Acme","status":"active","cluster":"main","weight":1,"schema_version":"VERSION",`+
		`"owner":{"email":"ada@example.com","name":"Ada","user_id":"UUID"},"lock_version":N,"created_at":"TIME","updated_at":"TIME"}`+"\n",
		goldenTenant(slug, made.Body))

	again := operator.Post(t, "/admin/v1/tenants", onboardBody(slug)).Require(t, http.StatusOK)
	require.Equal(t, string(made.Body), string(again.Body))
	other := strings.Replace(onboardBody(slug), "Acme", "Other", 1)
	operator.Post(t, "/admin/v1/tenants", other).Require(t, http.StatusConflict)
	read := operator.Get(t, "/admin/v1/tenants/"+slug).Require(t, http.StatusOK)
	require.Equal(t, string(made.Body), string(read.Body))
	require.Equal(t, made.Header.Get("ETag"), read.Header.Get("ETag"))
}

func TestOnboardingReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	answer := apptest.OperatorClient(t).Post(t, "/admin/v1/tenants",
		`{"slug":"No","name":"","cluster":"mars","owner":{"email":"nobody","name":"a\u0000"}}`).Require(t, http.StatusUnprocessableEntity)
	for _, field := range []string{"slug", "name", "cluster", "owner.email", "owner.name"} {
		require.Contains(t, string(answer.Body), fmt.Sprintf(`"field":%q`, field))
	}
}

func TestChangingATenantNeedsItsVersion(t *testing.T) {
	t.Parallel()
	operator, tenant := apptest.OperatorClient(t), apptest.New(t)
	path := "/admin/v1/tenants/" + tenant.Slug
	etag := operator.Get(t, path).Header.Get("ETag")
	for ifMatch, status := range map[string]int{
		"": http.StatusPreconditionRequired, "*": http.StatusPreconditionRequired, "x": http.StatusBadRequest,
		`"0"`: http.StatusPreconditionFailed, "W/" + etag: http.StatusPreconditionFailed, `"abc"`: http.StatusPreconditionFailed,
	} {
		operator.Patch(t, path, `{"weight":5}`, "If-Match", ifMatch).Require(t, status)
	}
	operator.Patch(t, path, `{"weight":101}`, "If-Match", etag).Require(t, http.StatusUnprocessableEntity)
	changed := operator.Patch(t, path, `{"weight":5,"name":"New"}`, "If-Match", etag).Require(t, http.StatusOK)
	require.NotEqual(t, etag, changed.Header.Get("ETag"))
	require.Contains(t, string(changed.Body), `"weight":5`)
	operator.Patch(t, path, `{"weight":6}`, "If-Match", etag).Require(t, http.StatusPreconditionFailed)
}

func TestSuspensionClosesTheDoorsWithinASecond(t *testing.T) {
	t.Parallel()
	operator, tenant := apptest.OperatorClient(t), apptest.New(t)
	path, client := "/admin/v1/tenants/"+tenant.Slug, tenant.Client(t, tenants.Admin)
	client.Get(t, "/v1/users").Require(t, http.StatusOK)
	operator.Post(t, path+"/suspend", nil).Require(t, http.StatusOK)
	require.Eventually(t, func() bool {
		answer := client.Get(t, "/v1/users")
		return answer.Status == http.StatusForbidden && answer.Code(t) == "tenant_suspended"
	}, time.Second, 20*time.Millisecond)
	operator.Post(t, path+"/resume", nil).Require(t, http.StatusOK)
	require.Eventually(t, func() bool { return client.Get(t, "/v1/users").Status == http.StatusOK }, time.Second, 20*time.Millisecond)
	operator.Post(t, path+"/resume", nil).Require(t, http.StatusOK)
	offboarding := operator.Post(t, path+"/offboard", nil).Require(t, http.StatusOK)
	require.Contains(t, string(offboarding.Body), `"status":"offboarding"`)
	operator.Post(t, path+"/suspend", nil).Require(t, http.StatusConflict)
}

func TestListingTenantsPageByPage(t *testing.T) {
	t.Parallel()
	operator := apptest.OperatorClient(t)
	want := map[string]bool{apptest.New(t).Slug: true, apptest.New(t).Slug: true, apptest.New(t).Slug: true}
	for cursor := ""; ; {
		var page struct {
			Items      []struct{ Slug string }
			NextCursor *string `json:"next_cursor"`
		}
		operator.Get(t, "/admin/v1/tenants?limit=2&status=active&cursor="+cursor).Require(t, http.StatusOK).JSON(t, &page)
		for _, item := range page.Items {
			delete(want, item.Slug)
		}
		if page.NextCursor == nil {
			break
		}
		require.Len(t, page.Items, 2)
		cursor = *page.NextCursor
	}
	require.Empty(t, want)
	for _, query := range []string{"limit=0", "limit=201", "status=gone", "cursor=*", "tenant=acme"} {
		operator.Get(t, "/admin/v1/tenants?"+query).Require(t, http.StatusBadRequest)
	}
	operator.Get(t, "/admin/v1/tenants/no-such-tenant").Require(t, http.StatusNotFound)
	operator.Get(t, "/admin/v1/tenants/%00").Require(t, http.StatusNotFound)
}

func TestTheAdminAPITakesOperatorsOnly(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for _, client := range []*apptest.Client{
		tenant.Client(t, tenants.Admin), tenant.Client(t, tenants.Member, tenants.Auditor, tenants.Admin),
	} {
		for _, call := range []struct{ method, path string }{
			{http.MethodPost, ""},
			{http.MethodGet, ""},
			{http.MethodGet, "/" + tenant.Slug},
			{http.MethodPatch, "/" + tenant.Slug},
			{http.MethodPost, "/" + tenant.Slug + "/suspend"},
			{http.MethodPost, "/" + tenant.Slug + "/resume"},
			{http.MethodPost, "/" + tenant.Slug + "/offboard"},
		} {
			client.Do(t, call.method, "/admin/v1/tenants"+call.path, nil).Require(t, http.StatusForbidden)
		}
	}
}
