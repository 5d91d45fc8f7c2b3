package user_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

const ada = `{"email":"ada@example.com","name":"Ada Lovelace","role":"member"}`

// golden replaces what differs from run to run and keeps its form.
func golden(body string) string {
	body = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`).ReplaceAllString(body, "UUID")
	body = regexp.MustCompile(`"request_id":"[0-9a-f]{32}"`).ReplaceAllString(body, `"request_id":"REQUEST"`)
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`).ReplaceAllString(body, "TIME")
}

func TestCreateAnswersWithTheUser(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	made := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", ada)
	require.Equal(t, http.StatusCreated, made.status)
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	require.Equal(t, "/v1/users/"+made.json(t)["id"].(string), made.header.Get("Location"))
	require.Equal(t, "application/json", made.header.Get("Content-Type"))
	require.Equal(t, `{"id":"UUID","email":"ada@example.com","name":"Ada Lovelace","role":"member","status":"active",`+
		`"lock_version":1,"created_at":"TIME","updated_at":"TIME"}`+"\n", golden(made.body))

	read := tn.call(t, tenants.Member, http.MethodGet, made.header.Get("Location"), "")
	require.Equal(t, http.StatusOK, read.status)
	require.Equal(t, made.body, read.body)
	require.Equal(t, `"1"`, read.header.Get("ETag"))
	require.Equal(t, []event{{"User.created", 1, `{"name": "Ada Lovelace", "role": "member", "email": "ada@example.com"}`}},
		tn.events(t, made.json(t)["id"].(string)))
}

func TestChangesGoFromVersionToVersion(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.created(t, "ada@example.com")
	steps := []struct{ method, path, body, etag string }{
		{http.MethodPatch, "", `{"name":"Ada King"}`, `"2"`},
		{http.MethodPatch, "", `{"name":"Ada King"}`, `"2"`}, // changes nothing
		{http.MethodPatch, "", `{}`, `"2"`},
		{http.MethodPost, "/disable", "", `"3"`},
		{http.MethodPost, "/disable", "", `"3"`},
		{http.MethodPost, "/enable", "", `"4"`},
		{http.MethodPatch, "", `{"email":"king@example.com","role":"admin"}`, `"5"`},
	}
	etag := `"1"`
	for _, step := range steps {
		got := tn.call(t, tenants.Admin, step.method, "/v1/users/"+id+step.path, step.body, "If-Match", etag)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, step.etag, got.header.Get("ETag"))
		etag = step.etag
	}
	gone := tn.call(t, tenants.Admin, http.MethodDelete, "/v1/users/"+id, "", "If-Match", etag)
	require.Equal(t, http.StatusNoContent, gone.status)
	require.Empty(t, gone.body)
	require.Equal(t, http.StatusNotFound, tn.call(t, tenants.Admin, http.MethodGet, "/v1/users/"+id, "").status)

	names := []string{"User.created", "User.updated", "User.disabled", "User.enabled", "User.updated", "User.deleted"}
	events := tn.events(t, id)
	require.Len(t, events, len(names))
	for i, name := range names {
		require.Equal(t, name, events[i].Name)
		require.Equal(t, int64(i+1), events[i].AggregateVersion)
	}
	require.JSONEq(t, `{"changes":{"name":{"from":"Ada","to":"Ada King"}}}`, events[1].Data)
	require.JSONEq(t, `{}`, events[2].Data)
}

func TestPreconditions(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.created(t, "ada@example.com")
	for _, write := range []struct{ method, path, body string }{
		{http.MethodPatch, "/v1/users/" + id, `{"name":"B"}`},
		{http.MethodPost, "/v1/users/" + id + "/disable", ""},
		{http.MethodPost, "/v1/users/" + id + "/enable", ""},
		{http.MethodDelete, "/v1/users/" + id, ""},
	} {
		for ifMatch, want := range map[string]struct {
			status int
			code   string
		}{
			"":         {http.StatusPreconditionRequired, "version_required"},
			"*":        {http.StatusPreconditionRequired, "version_required"},
			`"2"`:      {http.StatusPreconditionFailed, "stale_version"},
			`W/"1"`:    {http.StatusPreconditionFailed, "stale_version"},
			`"01"`:     {http.StatusPreconditionFailed, "stale_version"},
			`"abc"`:    {http.StatusPreconditionFailed, "stale_version"},
			`1`:        {http.StatusBadRequest, "bad_if_match"},
			`"1", "2"`: {http.StatusBadRequest, "bad_if_match"},
		} {
			got := tn.call(t, tenants.Admin, write.method, write.path, write.body, "If-Match", ifMatch)
			require.Equal(t, want.status, got.status, "%s %s If-Match: %s: %s", write.method, write.path, ifMatch, got.body)
			require.Equal(t, want.code, got.json(t)["code"])
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
		}
	}
	require.Len(t, tn.events(t, id), 1)
}

func TestUnchangedUserIsNotSentAgain(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	path := "/v1/users/" + tn.created(t, "ada@example.com")
	for tag, status := range map[string]int{
		`"1"`: http.StatusNotModified, `W/"1"`: http.StatusNotModified, `"7", "1"`: http.StatusNotModified, `*`: http.StatusNotModified,
		`"2"`: http.StatusOK, `1`: http.StatusOK,
	} {
		got := tn.call(t, tenants.Member, http.MethodGet, path, "", "If-None-Match", tag)
		require.Equal(t, status, got.status, tag)
		require.Equal(t, `"1"`, got.header.Get("ETag"))
		require.Equal(t, status == http.StatusNotModified, got.body == "")
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for body, want := range map[string]string{
		`{"email":"nope","name":"a\u0000b","role":"king"}`: `[{"field":"email","message":"must be a bare e-mail address, for example ada@example.com"},` +
			`{"field":"name","message":"must not contain control characters"},{"field":"role","message":"must be member, admin or auditor"}]`,
		`{}`: `[{"field":"email","message":"is required"},{"field":"name","message":"is required"},{"field":"role","message":"is required"}]`,
		`{"email":"Ada <ada@example.com>","name":" ","role":"admin"}`: `[{"field":"email","message":"must be a bare e-mail address, for example ada@example.com"},` +
			`{"field":"name","message":"is required"}]`,
		`{"email":7,"name":null,"role":["admin"]}`:                                     `[{"field":"email","message":"expected string"},{"field":"name","message":"expected string"},{"field":"role","message":"expected string"}]`,
		`{"email":"a@b.c","name":"A","role":"admin","tenant":"globex","Role":"admin"}`: `[{"field":"Role","message":"unexpected property"},{"field":"tenant","message":"unexpected property"}]`,
		`{"email":"a@b.c","name":"` + strings.Repeat("n", 201) + `","role":"admin"}`:   `[{"field":"name","message":"must be at most 200 characters long"}]`,
	} {
		got := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Contains(t, got.body, `"errors":`+want)
	}
	invalid := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", `{"email":"","name":"A","role":"admin"}`)
	require.Equal(t, `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"Some fields are not valid.",`+
		`"code":"invalid","request_id":"REQUEST","errors":[{"field":"email","message":"is required"}]}`+"\n", golden(invalid.body))
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for _, test := range []struct {
		method, path, body, code string
	}{
		{http.MethodPost, "/v1/users", `{"email":`, "bad_json"},
		{http.MethodPost, "/v1/users", `{} {}`, "bad_json"},
		{http.MethodPost, "/v1/users", "", "body_required"},
		{http.MethodGet, "/v1/users?limit=0", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?limit=201", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?limit=many", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?status=gone", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?email=%00", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?email=%ff", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?tenant=globex", "", "bad_parameter"},
		{http.MethodGet, "/v1/users?cursor=x", "", "bad_cursor"},
		{http.MethodGet, "/v1/users?cursor=e30", "", "bad_cursor"},
	} {
		got := tn.call(t, tenants.Admin, test.method, test.path, test.body)
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", test.path, got.body)
		require.Equal(t, test.code, got.json(t)["code"], test.path)
	}
}

func TestEmailIsUniqueWhateverItsCase(t *testing.T) {
	t.Parallel()
	tn, other := newTenant(t), newTenant(t)
	tn.created(t, "ada@example.com")
	got := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", `{"email":"ADA@Example.com","name":"A","role":"member"}`)
	require.Equal(t, http.StatusConflict, got.status)
	require.Equal(t, "email_taken", got.json(t)["code"])
	other.created(t, "ada@example.com") // another tenant's is none of our business

	bob := tn.created(t, "bob@example.com")
	got = tn.call(t, tenants.Admin, http.MethodPatch, "/v1/users/"+bob, `{"email":"Ada@example.com"}`, "If-Match", `"1"`)
	require.Equal(t, http.StatusConflict, got.status)
	require.Len(t, tn.events(t, bob), 1)
	found := tn.call(t, tenants.Member, http.MethodGet, "/v1/users?email=ADA@example.COM", "")
	require.Len(t, found.json(t)["items"], 1)
}
