package apptest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

func TestNewTenantIsOnboardedAndItsFirstEventsArePublished(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	require.Equal(t, tenants.Active, tenant.Tenant.Status)
	require.NotEmpty(t, tenant.OwnerID)
	require.ElementsMatch(t, []string{"User.created", "Tenant.onboarded"}, tenant.PublishedNames(t))
	for _, message := range tenant.Published(t) {
		require.Equal(t, "events."+tenant.Slug+"."+message.Name(), message.Subject)
		require.Equal(t, tenant.Tenant.ID, message.Header.Get("ce-tenant"))
		require.Equal(t, message.ID(), message.Header.Get("Nats-Msg-Id"))
	}
}

func TestClientCreatesUserWhoseEventIsPublished(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	made := tenant.Client(t, tenants.Admin).Post(t, "/v1/users",
		map[string]string{"email": "ada@example.com", "name": "Ada", "role": "member"}).Require(t, http.StatusCreated)
	var user struct {
		ID string `json:"id"`
	}
	made.JSON(t, &user)
	tenant.Settle(t)
	last := tenant.Published(t)[2]
	require.Equal(t, "User/"+user.ID, last.Header.Get("ce-subject"))
	require.Equal(t, tenant.OwnerID, last.Header.Get("ce-actor"))
}

func TestTokensOpenTheirOwnDoorsOnly(t *testing.T) {
	t.Parallel()
	one, other := apptest.New(t), apptest.New(t)
	require.Equal(t, http.StatusNotFound,
		one.Client(t, tenants.Admin).Get(t, "/v1/users/"+other.OwnerID).Status)
	require.Equal(t, http.StatusForbidden, apptest.OperatorClient(t).Get(t, "/v1/users").Status)
	require.Equal(t, http.StatusForbidden, one.Client(t, tenants.Admin).Get(t, "/admin/v1/tenants").Status)
	require.Equal(t, http.StatusUnauthorized, apptest.NewClient("").Get(t, "/v1/users").Status)
	apptest.OperatorClient(t).Get(t, "/admin/v1/tenants/"+one.Slug).Require(t, http.StatusOK)
}

func TestScopeReachesTheTenantsData(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	var users int64
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.DB.Table("users").Count(&users).Error
	}))
	require.EqualValues(t, 1, users)
	var schema string
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(),
		"select schema_name from control.tenants where slug = $1", tenant.Slug).Scan(&schema))
	require.Equal(t, tenant.Tenant.SchemaName, schema)
}

func TestMetricsAndHealthHaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	tenant.Settle(t)
	metrics := get(t, apptest.MetricsURL()+"/metrics")
	for _, name := range []string{
		"tenantry_worker_published_total", "tenantry_database_connections", "tenantry_broker_connected 1", "go_goroutines",
	} {
		require.Contains(t, metrics, name)
	}
	require.NotContains(t, metrics, tenant.Slug, "the number of tenants has no bound, so no label holds one")
	require.Contains(t, get(t, apptest.MetricsURL()+"/readyz"), `"status":"ok"`)
	require.Contains(t, get(t, apptest.MetricsURL()+"/healthz"), `"version":"test"`)
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // it is read
	var text strings.Builder
	_, err = fmt.Fprint(&text, answer.Status, "\n")
	require.NoError(t, err)
	require.NoError(t, answer.Write(&text))
	require.Equal(t, http.StatusOK, answer.StatusCode, text.String())
	return text.String()
}
