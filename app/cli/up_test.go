package cli_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/migrations"
)

//nolint:paralleltest,tparallel // its parts are steps of one story
func TestUpIsWhatOtherCommandsTalkTo(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	up := launch(t, nil, freePorts(data)...)
	ready := parseReady(t, up.await(t, up.stdout, "{"))

	t.Run("reads itself from the outside", func(t *testing.T) { checkReady(t, data, ready) })
	t.Run("keeps secrets to their owner", func(t *testing.T) { checkPrivate(t, data) })
	t.Run("tenants", func(t *testing.T) { checkTenants(t, data, ready) })
	t.Run("tokens", func(t *testing.T) { checkTokens(t, data, ready) })
	t.Run("operators' views", func(t *testing.T) { checkViews(t, data) })
	t.Run("what holds back vacuum", func(t *testing.T) { checkPinned(t, data) })
	t.Run("a cluster that is away", func(t *testing.T) { checkClusterAway(t, data) })
	t.Run("completion", func(t *testing.T) {
		require.Contains(t, mustCall(t, "__complete", "--data", data, "tenant", "show", "ac"), "acme\n")
		require.Contains(t, mustCall(t, "__complete", "--data", data, "outbox", "failed", "--tenant", "glo"), "globex\n")
	})
	t.Run("a second one says so", func(t *testing.T) {
		second := call(t, nil, freePorts(data)...)
		require.Equal(t, 1, second.code)
		require.Contains(t, second.stderr, "is in use by another program")
		require.Empty(t, second.stdout)
	})
	t.Run("roles beside it", func(t *testing.T) { checkRoles(t, data, ready) })

	require.Zero(t, up.end(t), up.stderr.text())
	require.Equal(t, 1, strings.Count(up.stdout.text(), "\n"), "one line on stdout: %s", up.stdout.text())
	require.NotContains(t, up.stderr.text(), password(t, ready.DatabaseURL))
	after := call(t, nil, "tenant", "list", "--data", data)
	require.Equal(t, 1, after.code)
	require.Contains(t, after.stderr, "No program runs in the data folder "+data)
	require.NoFileExists(t, filepath.Join(data, "runtime.json"))
}

func checkReady(t *testing.T, data string, ready readyLine) {
	t.Helper()
	status, body := request(t, http.MethodGet, ready.URL+"/readyz", "", "")
	require.Equal(t, http.StatusOK, status, body)
	status, body = request(t, http.MethodGet, ready.MetricsURL+"/metrics", "", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "tenantry_worker_turns_total")
	for slug, tenant := range ready.Tenants {
		status, body = request(t, http.MethodGet, ready.URL+"/v1/users", tenant.Token, "")
		require.Equal(t, http.StatusOK, status, "%s: %s", slug, body)
	}
	require.Zero(t, call(t, nil, "health", "--data", data).code)
	require.Zero(t, call(t, nil, "health", "--worker", "--data", data).code)
	require.Len(t, ready.Tenants, 2)
	status, _ = request(t, http.MethodGet, ready.URL+"/admin/v1/tenants", ready.OperatorToken, "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, ready.DatabaseURL, "tenantry_app:", "the application's login, not the owner's")
}

func checkPrivate(t *testing.T, data string) {
	t.Helper()
	for _, name := range []string{"runtime.json", "jwt.secret"} {
		info, err := os.Stat(filepath.Join(data, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	text, err := os.ReadFile(filepath.Join(data, "runtime.json"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "postgres://postgres:", "the superuser is nobody's to use")
}

func checkTenants(t *testing.T, data string, ready readyLine) {
	t.Helper()
	conn, err := nats.Connect(ready.NATSURL)
	require.NoError(t, err)
	defer conn.Close()
	events, err := conn.SubscribeSync("events.umbrella.>")
	require.NoError(t, err)
	require.NoError(t, conn.Flush())

	create := []string{"tenant", "create", "umbrella", "--name", "Umbrella", "--owner-email", "u@umbrella.example", "--data", data, "--json"}
	var made struct {
		Slug   string `json:"slug"`
		Status string `json:"status"`
		Owner  struct {
			UserID string `json:"user_id"`
		} `json:"owner"`
	}
	require.NoError(t, json.Unmarshal([]byte(mustCall(t, create...)), &made))
	require.Equal(t, "active", made.Status)
	require.NotEmpty(t, made.Owner.UserID)
	again := call(t, nil, create...)
	require.Zero(t, again.code)
	require.Contains(t, again.stderr, "was there already")
	_, err = events.NextMsg(10 * time.Second)
	require.NoError(t, err, "the worker of up publishes what another process committed")

	var list []struct {
		Slug string `json:"slug"`
	}
	require.NoError(t, json.Unmarshal([]byte(mustCall(t, "tenant", "list", "--json", "--data", data)), &list))
	require.Len(t, list, 3)
	table := mustCall(t, "tenant", "list", "--data", data)
	require.Regexp(t, `(?m)^SLUG +NAME +STATUS`, table)
	require.Regexp(t, `(?m)^umbrella +Umbrella +active +main`, table)

	require.Contains(t, mustCall(t, "tenant", "suspend", "umbrella", "--data", data), "suspended")
	require.Contains(t, mustCall(t, "tenant", "list", "--status", "suspended", "--data", data), "umbrella")
	require.Contains(t, mustCall(t, "tenant", "resume", "umbrella", "--data", data), "active")
	require.Contains(t, mustCall(t, "tenant", "offboard", "umbrella", "--data", data), "offboarding")
	require.Equal(t, 1, call(t, nil, "tenant", "resume", "umbrella", "--data", data).code)
	require.Equal(t, 1, call(t, nil, "tenant", "show", "nobody", "--data", data).code)
	invalid := call(t, nil, "tenant", "create", "Bad Slug", "--name", "x", "--owner-email", "x", "--data", data)
	require.Equal(t, 2, invalid.code)
	require.Contains(t, invalid.stderr, "slug must be")
	require.Contains(t, invalid.stderr, "owner.email must be")
}

func checkTokens(t *testing.T, data string, ready readyLine) {
	t.Helper()
	token := mustCall(t, "token", "--tenant", "acme", "--user", "ada", "--role", "auditor", "--data", data)
	require.Equal(t, 1, strings.Count(token, "\n"))
	status, body := request(t, http.MethodGet, ready.URL+"/v1/events", strings.TrimSpace(token), "")
	require.Equal(t, http.StatusOK, status, body)
	token = mustCall(t, "token", "--operator", "--ttl", "5m", "--data", data)
	status, body = request(t, http.MethodGet, ready.URL+"/admin/v1/outbox", strings.TrimSpace(token), "")
	require.Equal(t, http.StatusOK, status, body)
}

func checkViews(t *testing.T, data string) {
	t.Helper()
	require.Regexp(t, `(?m)^\d{4}_\w+ +[23] +newest`, mustCall(t, "migrate", "status", "--data", data))
	require.Contains(t, mustCall(t, "migrate", "up", "--data", data), "newest version")
	require.Contains(t, mustCall(t, "outbox", "status", "--data", data), "globex")
	examined := call(t, nil, "doctor", "--data", data, "--json")
	require.Zero(t, examined.code, examined.stdout)
	var findings []struct {
		Name    string `json:"name"`
		Verdict string `json:"verdict"`
	}
	require.NoError(t, json.Unmarshal([]byte(examined.stdout), &findings))
	for _, found := range findings {
		require.Equal(t, "ok", found.Verdict, found.Name)
	}
}

// checkPinned leaves a transaction open: the doctor names its session, and that is no failure.
func checkPinned(t *testing.T, data string) {
	t.Helper()
	conn := ownerConn(t, data)
	_, err := conn.Exec(t.Context(), "set application_name = 'forgotten'; begin isolation level repeatable read; select 'xyzzy'")
	require.NoError(t, err)
	var got outcome
	require.Eventually(t, func() bool {
		got = call(t, []string{"TENANTRY_WORKER_PINNED_AFTER=1s"}, "doctor", "--data", data)
		return strings.Contains(got.stdout, "held back")
	}, time.Minute, 100*time.Millisecond)
	require.Zero(t, got.code, got.stdout)
	require.Regexp(t, `warn +cluster main +vacuum +held back by session pid \d+ of tenantry_owner application forgotten idle in transaction for \ds`,
		got.stdout)
	require.NotContains(t, got.stdout, "xyzzy", "what it was asked is nobody's business")
	_, err = conn.Exec(t.Context(), "rollback")
	require.NoError(t, err)
}

// checkClusterAway migrates while a further cluster is away: the tenants of the others are migrated.
func checkClusterAway(t *testing.T, data string) {
	t.Helper()
	latest := migrations.Tenant().Latest()
	registry := ownerConn(t, data)
	_, err := registry.Exec(t.Context(), "update control.tenants set schema_version = '0001_users' where slug = 'acme'")
	require.NoError(t, err)
	const gone = "hunter2@127.0.0.1:1/x"
	environ := []string{"TENANTRY_CLUSTER_GONE_URL=postgres://app:" + gone, "TENANTRY_CLUSTER_GONE_OWNER_URL=postgres://owner:" + gone}
	got := call(t, environ, "migrate", "up", "--data", data, "--json")
	require.Equal(t, 1, got.code, got.stderr)
	require.NotContains(t, got.stdout+got.stderr, "hunter2")
	require.Contains(t, got.stderr, "1 clusters")
	var shown struct {
		Clusters []struct{ Cluster, Error string } `json:"failed_clusters"`
		Failed   []struct{ Slug string }           `json:"failed"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &shown))
	require.Len(t, shown.Clusters, 1)
	require.Equal(t, "gone", shown.Clusters[0].Cluster)
	require.Contains(t, shown.Clusters[0].Error, "away")
	require.Empty(t, shown.Failed)
	require.Contains(t, mustCall(t, "tenant", "show", "acme", "--data", data), latest)
	require.Contains(t, call(t, environ, "migrate", "up", "--data", data).stdout, "cluster gone")
}

// ownerConn is a connection as the owner's login, which the runtime file has.
func ownerConn(t *testing.T, data string) *pgx.Conn {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "runtime.json"))
	require.NoError(t, err)
	var file struct {
		Database struct {
			OwnerURL string `json:"owner_url"`
		} `json:"database"`
	}
	require.NoError(t, json.Unmarshal(text, &file))
	conn, err := pgx.Connect(t.Context(), file.Database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// checkRoles runs the API alone and workers beside up, over its servers.
func checkRoles(t *testing.T, data string, ready readyLine) {
	t.Helper()
	serve := launch(t, nil, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "")
	var line struct {
		URL        string `json:"url"`
		MetricsURL string `json:"metrics_url"`
	}
	require.NoError(t, json.Unmarshal([]byte(serve.await(t, serve.stderr, `"msg":"ready"`)), &line))
	status, _ := request(t, http.MethodGet, line.URL+"/v1/users", ready.Tenants["acme"].Token, "")
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, line.MetricsURL)
	require.Zero(t, serve.end(t))
	require.Empty(t, serve.stdout.text())

	// Of a further cluster it needs nothing but that cluster's URL and the broker's.
	worker := launch(t, []string{"TENANTRY_CLUSTER_EU_1_URL=" + ready.DatabaseURL, "TENANTRY_NATS_URL=" + ready.NATSURL},
		"worker", "--cluster", "eu-1", "--slots", "2", "--metrics-listen", "127.0.0.1:0")
	require.NoError(t, json.Unmarshal([]byte(worker.await(t, worker.stderr, `"msg":"ready"`)), &line))
	status, body := request(t, http.MethodGet, line.MetricsURL+"/readyz", "", "")
	require.Equal(t, http.StatusOK, status, body)
	require.JSONEq(t, `{"status":"ok","broker":"up","clusters":{"eu-1":"up"}}`, body)
	require.Zero(t, worker.end(t))
	require.NotContains(t, worker.stderr.text(), password(t, ready.DatabaseURL), "the settings at the start are masked")
}

func password(t *testing.T, text string) string {
	t.Helper()
	parsed, err := url.Parse(text)
	require.NoError(t, err)
	found, ok := parsed.User.Password()
	require.True(t, ok)
	return found
}

func TestUpNamesTheFlagOfAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // nobody connects
	for _, flag := range []string{"--listen", "--metrics-listen"} {
		args := append(freePorts(t.TempDir()), flag, taken.Addr().String())
		got := call(t, nil, args...)
		require.Equal(t, 1, got.code)
		require.Contains(t, got.stderr, "choose another address with "+flag)
		require.Empty(t, got.stdout)
	}
}
