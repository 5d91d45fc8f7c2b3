package user_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/tenants"
)

// tenant is a fresh tenant with a way in for each role.
type tenant struct {
	tenants.Tenant

	scope func() *tenants.Scope
	actor tenants.Actor
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &value), a.body)
	return value
}

func newTenant(t *testing.T) tenant {
	t.Helper()
	slug := "t-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	operator := tenants.Actor{UserID: "operator", Roles: []tenants.Role{tenants.Operator}, RequestID: "onboard"}
	made, _, err := shared.tenants.Onboard(t.Context(), operator, tenants.OnboardRequest{
		Slug: slug, Name: "Name", OwnerEmail: "owner@example.com", OwnerName: "Olive Owner",
	})
	require.NoError(t, err)
	scope := func() *tenants.Scope {
		scope, err := shared.tenants.ScopeOf(made)
		require.NoError(t, err)
		return scope
	}
	actor := tenants.Actor{TenantID: made.ID, UserID: "tester", Roles: []tenants.Role{tenants.Admin}, RequestID: "test"}
	return tenant{made, scope, actor}
}

// call sends a request with a token of the role. Headers are pairs.
func (tn tenant) call(t *testing.T, role tenants.Role, method, path, body string, headers ...string) answer {
	t.Helper()
	return tn.as(t, "tester", role, method, path, body, headers...)
}

func (tn tenant) as(t *testing.T, userID string, role tenants.Role, method, path, body string, headers ...string) answer {
	t.Helper()
	token, err := tenants.Mint(shared.settings, tenants.TokenRequest{Tenant: tn.Slug, UserID: userID, Roles: []tenants.Role{role}, Now: time.Now()})
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := shared.server.Test(request, -1)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

// created makes a user over HTTP and returns the id.
func (tn tenant) created(t *testing.T, email string) string {
	t.Helper()
	made := tn.call(t, tenants.Admin, http.MethodPost, "/v1/users", `{"email":"`+email+`","name":"Ada","role":"member"}`)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	return made.json(t)["id"].(string)
}

// event is what the tests look at of an event.
type event struct {
	Name             string
	AggregateVersion int64
	Data             string
}

// events are all events about an aggregate, in order.
func (tn tenant) events(t *testing.T, id string) []event {
	t.Helper()
	var found []event
	require.NoError(t, tn.scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Raw("select name, aggregate_version, data from events where aggregate_id = ? order by seq", id).Scan(&found).Error
	}))
	return found
}
