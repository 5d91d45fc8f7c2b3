package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// door is a server with one route that does what the test wants, and its log.
type door struct {
	server *fiber.App
	log    *bytes.Buffer
}

type wanted struct {
	Name string `query:"name"`
	Body struct {
		Text  string     `json:"text"`
		Inner testNested `json:"inner,omitzero"`
	}
}

type testNested struct {
	Email string `json:"email"`
}

// newDoor makes a server whose POST /test runs the function. The route needs no token, so it needs no
// database.
func newDoor(t *testing.T, run func(ctx context.Context) error) *door {
	t.Helper()
	d := &door{log: &bytes.Buffer{}}
	routes := func(api huma.API) {
		huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/test", OperationID: "test"},
			func(ctx context.Context, _ *wanted) (*struct{}, error) { return nil, run(ctx) })
	}
	d.server, _ = app.NewHTTP(app.HTTPConfig{
		Set: module.Set{Modules: []module.Module{{Name: "test", Routes: routes}}},
		Log: slog.New(slog.NewTextHandler(d.log, nil)), Clusters: awayClusters(t),
		RequestTimeout: 20 * time.Millisecond, MaxBodyBytes: 4096,
	})
	return d
}

// awayClusters are a database that nobody can reach.
func awayClusters(t *testing.T) *tenants.Clusters {
	t.Helper()
	clusters, err := tenants.OpenClusters(config.Settings{
		DatabaseURL: "postgres://user:hunter2@127.0.0.1:1/tenantry", DatabasePoolSize: 1, TenantsPerConnection: 1,
	}, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	return clusters
}

func (d *door) do(t *testing.T, method, path, body string, headers ...string) apptest.Response {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	request.RequestURI = path // also one that net/http would not send
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	response, err := d.server.Test(request, -1)
	require.NoError(t, err)
	return read(t, response)
}

func read(t *testing.T, response *http.Response) apptest.Response {
	t.Helper()
	defer response.Body.Close() //nolint:errcheck // it is read
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return apptest.Response{Status: response.StatusCode, Header: response.Header, Body: body}
}

// problem asserts that an answer is a complete problem, and returns it.
func problem(t *testing.T, response apptest.Response) app.Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	var p app.Problem
	response.JSON(t, &p)
	require.Equal(t, "about:blank", p.Type)
	require.Equal(t, response.Status, p.Status)
	require.Equal(t, http.StatusText(p.Status), p.Title)
	require.NotEmpty(t, p.Detail)
	require.NotEmpty(t, p.Code)
	require.Equal(t, response.Header.Get("X-Request-Id"), p.RequestID)
	require.NotEmpty(t, p.RequestID)
	return p
}

const okBody = `{"text":"a"}`

func succeed(context.Context) error { return nil }

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	d := newDoor(t, succeed)
	for given, kept := range map[string]bool{
		"abc-123._X": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a/b": false, "ä": false, `"`: false,
	} {
		response := d.do(t, http.MethodPost, "/test", okBody, "X-Request-Id", given)
		require.Equal(t, http.StatusNoContent, response.Status)
		got := response.Header.Get("X-Request-Id")
		require.Equal(t, kept, got == given, given)
		require.Regexp(t, `^[A-Za-z0-9._-]{1,128}$`, got)
	}
}

func TestTraceContextIsTakenOver(t *testing.T) {
	t.Parallel()
	const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for given, taken := range map[string]bool{
		valid: true, "": false, "ff" + valid[2:]: false, valid + "-": false, strings.ToUpper(valid): false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
	} {
		var seen string
		d := newDoor(t, func(ctx context.Context) error { seen = strings.Clone(tenants.TraceParent(ctx)); return nil })
		d.do(t, http.MethodPost, "/test", okBody, "traceparent", given)
		require.Equal(t, taken, seen != "", given)
	}
}

func TestWhatTheServerItselfRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code               string
	}{
		"unknown path":     {http.MethodGet, "/nothing", "", nil, 404, "not_found"},
		"path's case":      {http.MethodPost, "/TEST", okBody, nil, 404, "not_found"},
		"unknown method":   {http.MethodGet, "/test", "", nil, 405, "method_not_allowed"},
		"no token":         {http.MethodGet, "/v1/users", "", nil, 401, "unauthenticated"},
		"no token, admin":  {http.MethodGet, "/admin/v1/tenants", "", nil, 401, "unauthenticated"},
		"no token, any":    {http.MethodGet, "/v1/nothing", "", nil, 401, "unauthenticated"},
		"not JSON":         {http.MethodPost, "/test", "text=a", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		"no content type":  {http.MethodPost, "/test", okBody, []string{"Content-Type", ""}, 415, "unsupported_media_type"},
		"almost JSON":      {http.MethodPost, "/test", okBody, []string{"Content-Type", "application/vnd.api+json"}, 415, "unsupported_media_type"},
		"compressed":       {http.MethodPost, "/test", okBody, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		"no body":          {http.MethodPost, "/test", "", nil, 400, "body_required"},
		"broken JSON":      {http.MethodPost, "/test", `{"text":`, nil, 400, "bad_json"},
		"two values":       {http.MethodPost, "/test", okBody + okBody, nil, 400, "bad_json"},
		"not an object":    {http.MethodPost, "/test", `[]`, nil, 422, "invalid"},
		"unknown field":    {http.MethodPost, "/test", `{"text":"a","Text":"b"}`, nil, 422, "invalid"},
		"unknown query":    {http.MethodPost, "/test?tenant=globex", okBody, nil, 400, "bad_parameter"},
		"unreadable":       {http.MethodPost, "/test/%zz", okBody, nil, 400, "bad_target"},
		"unreadable query": {http.MethodPost, "/test?%zz=1", okBody, nil, 204, ""},
		"charset":          {http.MethodPost, "/test", okBody, []string{"Content-Type", "Application/JSON; charset=utf-8"}, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := newDoor(t, succeed).do(t, test.method, test.path, test.body, test.headers...)
			require.Equal(t, test.status, response.Status, string(response.Body))
			if test.code != "" {
				require.Equal(t, test.code, problem(t, response).Code)
			}
			if test.status == http.StatusUnauthorized {
				require.Equal(t, "Bearer", response.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestNestedFieldsHaveTheirPath(t *testing.T) {
	t.Parallel()
	response := newDoor(t, succeed).do(t, http.MethodPost, "/test", `{"inner":{"mail":"x"}}`)
	require.Equal(t, []app.ProblemField{
		{Field: "inner.email", Message: "is required"},
		{Field: "inner.mail", Message: "unexpected property"},
		{Field: "text", Message: "is required"},
	}, problem(t, response).Errors)
}

// The server refuses the body before it has read it, and before any middleware runs.
func TestBodyOverTheLimit(t *testing.T) {
	t.Parallel()
	address := strings.TrimPrefix(apptest.URL(), "http://")
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // nothing is lost
	_, err = fmt.Fprintf(conn, "POST /v1/users HTTP/1.1\r\nHost: %s\r\nX-Request-Id: too-large\r\nContent-Length: 1048577\r\n\r\n", address)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // it is read
	require.Equal(t, "too_large", problem(t, read(t, response).Require(t, http.StatusRequestEntityTooLarge)).Code)
}

func TestBodyUpToTheLimit(t *testing.T) {
	t.Parallel()
	body := `{"text":"` + strings.Repeat("a", 4096-11) + `"}`
	require.Len(t, body, 4096)
	response := newDoor(t, succeed).do(t, http.MethodPost, "/test", body)
	require.Equal(t, http.StatusNoContent, response.Status, string(response.Body))
}

func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	d := newDoor(t, succeed)
	for _, path := range []string{"/test", "/nothing", "/v1/users", "/healthz", "/openapi.json"} {
		response := d.do(t, http.MethodGet, path, "")
		require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		require.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotEmpty(t, response.Header.Get("X-Request-Id"))
		require.Empty(t, response.Header.Get("Server"))
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(context.Context) error { panic("the secret is hunter2") })
	response := d.do(t, http.MethodPost, "/test", okBody)
	require.Equal(t, "internal", problem(t, response).Code)
	require.NotContains(t, string(response.Body), "hunter2")
	require.Contains(t, d.log.String(), "panic: the secret is hunter2")
	require.Contains(t, d.log.String(), "http_test.go")
}

func TestARequestHasADeadline(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	response := d.do(t, http.MethodPost, "/test", okBody)
	require.Equal(t, http.StatusServiceUnavailable, response.Status)
	require.Equal(t, "timeout", problem(t, response).Code)
	require.Equal(t, "1", response.Header.Get("Retry-After"))
}

func TestAccessLogTellsWhoAndWhatAndNoSecrets(t *testing.T) {
	t.Parallel()
	d := newDoor(t, succeed)
	d.do(t, http.MethodPost, "/test?name=secret-query", `{"text":"secret-body"}`, "X-Request-Id", "req-1", "Authorization", "Bearer secret-token")
	line := d.log.String()
	for _, part := range []string{"level=INFO", "request_id=req-1", "method=POST", "route=/test", "status=204", "duration="} {
		require.Contains(t, line, part)
	}
	require.NotContains(t, line, "secret")
	d.log.Reset()
	d.do(t, http.MethodGet, "/healthz", "")
	require.Empty(t, d.log.String(), "health checks are not worth a line")
	d.do(t, http.MethodGet, "/nothing", "")
	require.Contains(t, d.log.String(), "code=not_found")
}
