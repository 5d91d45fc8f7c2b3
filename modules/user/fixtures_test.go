package user_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// tenant is a fresh tenant of one test.
type tenant struct{ *apptest.Tenant }

func newTenant(t *testing.T) tenant {
	t.Helper()
	return tenant{apptest.Onboard(t, tenants.OnboardRequest{
		Slug: apptest.NewSlug(), Name: "Name", OwnerEmail: "owner@example.com", OwnerName: "Olive Owner",
	})}
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

// call sends a request with a token of the role. Headers are pairs.
func (tn tenant) call(t *testing.T, role tenants.Role, method, path, body string, headers ...string) answer {
	t.Helper()
	return tn.as(t, "tester", role, method, path, body, headers...)
}

func (tn tenant) as(t *testing.T, userID string, role tenants.Role, method, path, body string, headers ...string) answer {
	t.Helper()
	token := apptest.Mint(t, tenants.TokenRequest{Tenant: tn.Slug, UserID: userID, Roles: []tenants.Role{role}})
	var payload any
	if body != "" {
		payload = body
	}
	got := apptest.NewClient(token).Do(t, method, path, payload, headers...)
	return answer{got.Status, got.Header, string(got.Body)}
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
	require.NoError(t, tn.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Raw("select name, aggregate_version, data from events where aggregate_id = ? order by seq", id).Scan(&found).Error
	}))
	return found
}
