package modules_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// document is what the tests read of the live document of the API.
type document struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// operation is one operation of the document.
type operation struct {
	ID          string                `json:"operationId"`
	Parameters  []parameter           `json:"parameters"`
	Security    []map[string][]string `json:"security"`
	Responses   map[string]any        `json:"responses"`
	RequestBody *struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`

	method, path string
}

type parameter struct {
	Name   string  `json:"name"`
	In     string  `json:"in"`
	Schema *schema `json:"schema"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
}

// operator reports whether it takes operators' tokens, and not tenants'.
func (o *operation) operator() bool {
	return len(o.Security) == 1 && o.Security[0]["operator"] != nil
}

// readDocument asks the running program, without a token.
func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	apptest.NewClient("").Get(t, "/openapi.json").Require(t, http.StatusOK).JSON(t, &d)
	return d
}

// operations are all operations of the document, by their ids.
func (d document) operations(t *testing.T) map[string]*operation {
	t.Helper()
	all := map[string]*operation{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			require.NotEmpty(t, op.ID, path)
			require.NotContains(t, all, op.ID)
			all[op.ID] = op
		}
	}
	return all
}

// bodyStrings are the places of all texts in an operation's body: the names that lead there, with
// "[]" for the items of a list.
func (d document) bodyStrings(op *operation) [][]string {
	if op.RequestBody == nil {
		return nil
	}
	var places [][]string
	for _, media := range op.RequestBody.Content {
		places = append(places, d.strings(media.Schema, nil)...)
	}
	return places
}

func (d document) strings(s *schema, place []string) [][]string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
	}
	var places [][]string
	for name, property := range s.Properties {
		places = append(places, d.strings(property, append(slices.Clone(place), name))...)
	}
	if s.Items != nil {
		places = append(places, d.strings(s.Items, append(slices.Clone(place), "[]"))...)
	}
	if text, err := json.Marshal(s.Type); err == nil && strings.Contains(string(text), `"string"`) {
		places = append(places, place)
	}
	return places
}

// open are the routes that need no token and hold nothing of a tenant.
func open() []string {
	return []string{"GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs", "GET /docs/*"}
}

// TestEveryRouteIsInTheDocumentOrOpen: the suites here enumerate the document, so a route that is not
// in it would be forgotten.
func TestEveryRouteIsInTheDocumentOrOpen(t *testing.T) {
	t.Parallel()
	verifier, err := tenants.NewVerifier(t.Context(), apptest.Settings().JWT)
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	running := apptest.App()
	server, _ := app.NewHTTP(app.HTTPConfig{
		Set: running.Set(), Clusters: running.Clusters(), Tenants: running.Tenants(),
		Resolver: tenants.NewResolver(running.Tenants().Registry()), Verifier: verifier,
	})
	documented, routed := map[string]bool{}, map[string]bool{}
	for _, op := range readDocument(t).operations(t) {
		require.Len(t, op.Security, 1, "%s needs a token of one kind", op.ID)
		documented[op.method+" "+strings.NewReplacer("{", ":", "}", "").Replace(op.path)] = true
	}
	for _, route := range server.GetRoutes(true) {
		name := strings.Replace(route.Method, http.MethodHead, http.MethodGet, 1) + " " + route.Path
		require.True(t, documented[name] || slices.Contains(open(), name), name)
		routed[name] = true
	}
	for name := range documented {
		require.True(t, routed[name], name)
	}
}
