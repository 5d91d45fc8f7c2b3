package app_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
)

// document is what the tests look at of the API's document.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any
	}
}

type operation struct {
	OperationID string
	Summary     string
	Security    []map[string][]string
	RequestBody *struct{}
	Responses   map[string]struct {
		Description string
		Content     map[string]struct {
			Schema  map[string]any
			Example map[string]any
		}
	}
}

func TestTheDocumentTellsEveryOperation(t *testing.T) {
	t.Parallel()
	answer := apptest.NewClient("").Get(t, "/openapi.json").Require(t, http.StatusOK)
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var doc document
	answer.JSON(t, &doc)
	require.Equal(t, "3.1.0", doc.OpenAPI)
	require.Contains(t, doc.Components.SecuritySchemes, "tenant")
	require.Contains(t, doc.Components.SecuritySchemes, "operator")
	for _, path := range []string{
		"GET /v1/users", "POST /v1/users", "GET /v1/users/{id}", "PATCH /v1/users/{id}", "DELETE /v1/users/{id}",
		"POST /v1/users/{id}/disable", "POST /v1/users/{id}/enable", "GET /v1/events", "GET /v1/events/{id}",
		"POST /admin/v1/tenants", "GET /admin/v1/tenants", "GET /admin/v1/tenants/{slug}", "PATCH /admin/v1/tenants/{slug}",
		"POST /admin/v1/tenants/{slug}/suspend", "POST /admin/v1/tenants/{slug}/resume", "POST /admin/v1/tenants/{slug}/offboard",
	} {
		method, path, _ := strings.Cut(path, " ")
		require.Contains(t, doc.Paths[path], strings.ToLower(method))
	}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			t.Run(method+" "+path, func(t *testing.T) {
				t.Parallel()
				requireDocumented(t, path, op)
			})
		}
	}
}

func requireDocumented(t *testing.T, path string, op operation) {
	t.Helper()
	scheme := "tenant"
	if strings.HasPrefix(path, "/admin/") {
		scheme = "operator"
	}
	require.Equal(t, []map[string][]string{{scheme: {}}}, op.Security)
	require.NotEmpty(t, op.OperationID)
	require.NotEmpty(t, op.Summary)
	codes := []string{"400", "401", "403", "500", "503"}
	if op.RequestBody != nil {
		codes = append(codes, "413", "415", "422")
	}
	for _, code := range codes {
		require.Contains(t, op.Responses, code)
	}
	require.NotContains(t, op.Responses, "default")
	for code, response := range op.Responses {
		if code < "400" {
			continue
		}
		content := response.Content["application/problem+json"]
		require.Equal(t, "#/components/schemas/Problem", content.Schema["$ref"])
		require.NotEmpty(t, content.Example["code"])
	}
}

func TestReferencesOfTheDocumentLeadSomewhere(t *testing.T) {
	t.Parallel()
	answer := apptest.NewClient("").Get(t, "/openapi.json")
	var doc document
	answer.JSON(t, &doc)
	text, err := json.Marshal(json.RawMessage(answer.Body))
	require.NoError(t, err)
	references := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(text, -1)
	require.NotEmpty(t, references)
	for _, reference := range references {
		require.Contains(t, doc.Components.Schemas, string(reference[1]))
	}
}

// The page works without internet: all that it loads comes from this server, and the policy allows
// nothing else.
func TestTheDocsLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	client := apptest.NewClient("")
	page := client.Get(t, "/docs").Require(t, http.StatusOK)
	require.Contains(t, page.Header.Get("Content-Type"), "text/html")
	policy := page.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "connect-src 'self'")
	require.NotContains(t, policy, "http")
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(page.Body, -1)
	require.GreaterOrEqual(t, len(links), 4)
	for _, link := range links {
		require.True(t, strings.HasPrefix(string(link[1]), "/docs/"), "%s", link[1])
		part := client.Get(t, string(link[1])).Require(t, http.StatusOK)
		require.NotEmpty(t, part.Body)
	}
	require.Contains(t, string(page.Body), `/openapi.json`)
	require.Contains(t, string(page.Body), `validatorUrl: null`)
	client.Get(t, "/docs/nothing").Require(t, http.StatusNotFound)
}
