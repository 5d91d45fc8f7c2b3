package cli_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// answering is a server that says this at /readyz.
func answering(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			status, body = http.StatusTeapot, ""
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestHealthIsWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		body   string
		code   int
		stdout string
	}{
		{200, `{"status":"ok","database":"up","broker":"down","clusters":{"main":"up"}}`, 0, "program       ok"},
		{503, `{"status":"unready","database":"down","broker":"up","clusters":{"main":"down"}}`, 1, "program       unready"},
		{200, `a page of something else`, 1, ""},
		{200, `{}`, 1, ""},
	} {
		server := answering(t, test.status, test.body)
		got := call(t, nil, "health", "--url", server.URL+"/")
		require.Equal(t, test.code, got.code, got.stderr)
		require.Contains(t, got.stdout, test.stdout)
		if test.stdout == "" {
			require.Contains(t, got.stderr, "No program says at "+server.URL)
			continue
		}
		require.JSONEq(t, test.body, call(t, nil, "health", "--url", server.URL, "--json").stdout)
	}
}

func TestHealthOfAnAddressInTheSettings(t *testing.T) {
	t.Parallel()
	server := answering(t, http.StatusOK, `{"status":"ok"}`)
	address := server.Listener.Addr().String()
	data := t.TempDir()
	require.Zero(t, call(t, []string{"TENANTRY_LISTEN=" + address}, "health", "--data", data).code)
	require.Zero(t, call(t, []string{"TENANTRY_METRICS_LISTEN=" + address}, "health", "--worker", "--data", data).code)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	require.Zero(t, call(t, []string{"TENANTRY_LISTEN=:" + port}, "health", "--data", data).code, "as in a container")
	require.Zero(t, call(t, []string{"TENANTRY_LISTEN=0.0.0.0:" + port}, "health", "--data", data).code)

	off := call(t, []string{"TENANTRY_METRICS_LISTEN="}, "health", "--worker", "--data", data)
	require.Equal(t, 2, off.code)
	require.Contains(t, off.stderr, "it is off")
	away := call(t, []string{"TENANTRY_LISTEN=127.0.0.1:1"}, "health", "--data", data)
	require.Equal(t, 1, away.code)
	require.Contains(t, away.stderr, "127.0.0.1:1")
	for _, wrong := range []string{"nowhere", "ftp://x", "http://", "http://%"} {
		require.Equal(t, 2, call(t, nil, "health", "--url", wrong).code, wrong)
	}
	require.Equal(t, 2, call(t, nil, "health", "--url", server.URL, "--worker").code)
}
