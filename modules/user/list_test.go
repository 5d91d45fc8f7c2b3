package user_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

// emails reads one page and returns the addresses on it and the next cursor.
func (tn tenant) emails(t *testing.T, query string) (emails []string, next string) {
	t.Helper()
	page := tn.call(t, tenants.Member, http.MethodGet, "/v1/users?"+query, "")
	require.Equal(t, http.StatusOK, page.status, page.body)
	body := page.json(t)
	for _, item := range body["items"].([]any) {
		emails = append(emails, item.(map[string]any)["email"].(string))
	}
	next, _ = body["next_cursor"].(string)
	return emails, next
}

func TestPagesStayStableWhileUsersAreAdded(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	want := []string{"owner@example.com"}
	for i := range 7 {
		email := fmt.Sprintf("user%d@example.com", i)
		tn.created(t, email)
		want = append([]string{email}, want...)
	}
	var seen []string
	cursor := ""
	for i := 0; ; i++ {
		emails, next := tn.emails(t, "limit=3&cursor="+cursor)
		seen = append(seen, emails...)
		if next == "" {
			break
		}
		require.Len(t, emails, 3)
		cursor = next
		tn.created(t, fmt.Sprintf("late%d@example.com", i))
	}
	require.Equal(t, want, seen)
}

func TestListGolden(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	page := tn.call(t, tenants.Member, http.MethodGet, "/v1/users", "")
	require.Equal(t, `{"items":[{"id":"UUID","email":"owner@example.com","name":"Olive Owner","role":"admin","status":"active",`+
		`"lock_version":1,"created_at":"TIME","updated_at":"TIME"}],"next_cursor":null}`+"\n", golden(page.body))
	none := tn.call(t, tenants.Member, http.MethodGet, "/v1/users?email=nobody@example.com", "")
	require.Equal(t, `{"items":[],"next_cursor":null}`+"\n", none.body)
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.created(t, "ada@example.com")
	tn.call(t, tenants.Admin, http.MethodPost, "/v1/users/"+id+"/disable", "", "If-Match", `"1"`)
	for query, want := range map[string][]string{
		"status=disabled":                       {"ada@example.com"},
		"status=active":                         {"owner@example.com"},
		"email=ADA%40EXAMPLE.COM":               {"ada@example.com"},
		"email=ada@example.com&status=active":   nil,
		"email=ada@example.com&status=disabled": {"ada@example.com"},
		"email=%25":                             nil,
	} {
		emails, _ := tn.emails(t, query)
		require.Equal(t, want, emails, query)
	}
}

// injections are texts that mean something to SQL, to JSON or to a terminal, and nothing to us.
func injections(other tenant) []string {
	return []string{
		`'; drop table users; --`,
		`' or '1'='1`,
		`a' union select email, name from ` + other.Tenant.Tenant.SchemaName + `.users --`,
		`\'; set role postgres; --`,
		`$1`, `?`, `@name`, `%s%n`,
		`'||(select set_config('role','postgres',true))||'`,
		`{{.}}`, `<script>alert(1)</script>`, `"},"role":{"`,
	}
}

func TestInjectionsAreOnlyText(t *testing.T) {
	t.Parallel()
	tn, other := newTenant(t), newTenant(t)
	other.created(t, "theirs@example.com")
	for i, text := range injections(other) {
		body := fmt.Sprintf(`{"email":"user%d@example.com","name":%q,"role":"member"}`, i, text)
		made := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", body)
		require.Equal(t, http.StatusCreated, made.status, made.body)
		require.Equal(t, text, made.json(t)["name"])
		path := made.header.Get("Location")

		bad := fmt.Sprintf(`{"email":%q,"role":%q}`, text, text)
		require.Equal(t, http.StatusUnprocessableEntity, tn.call(t, tenants.Admin, http.MethodPatch, path, bad, "If-Match", `"1"`).status)
		require.Equal(t, http.StatusNotFound, tn.call(t, tenants.Admin, http.MethodGet, "/v1/users/"+url.PathEscape(text), "").status)
		emails, _ := tn.emails(t, "email="+url.QueryEscape(text))
		require.Empty(t, emails)
		for _, parameter := range []string{"status", "cursor", "limit"} {
			got := tn.call(t, tenants.Admin, http.MethodGet, "/v1/users?"+parameter+"="+url.QueryEscape(text), "")
			require.Equal(t, http.StatusBadRequest, got.status)
		}
		got := tn.call(t, tenants.Admin, http.MethodDelete, path, "", "If-Match", text)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusPreconditionFailed}, got.status)
		read := tn.as(t, "sub"+text, tenants.Member, http.MethodGet, path, "", "X-Request-Id", text, "traceparent", text)
		require.Equal(t, http.StatusOK, read.status)
		require.NotEqual(t, text, read.header.Get("X-Request-Id"))
	}
	emails, _ := other.emails(t, "")
	require.ElementsMatch(t, []string{"owner@example.com", "theirs@example.com"}, emails)
}
