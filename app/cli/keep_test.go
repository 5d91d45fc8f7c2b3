package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// postmaster is what the embedded server that is ready says about itself, 0 as long as none is.
func postmaster(data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postgres", "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) < 8 || strings.TrimSpace(lines[7]) != "ready" {
		return 0
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil {
		return 0
	}
	return pid
}

func killPostgres(t *testing.T, data string) int {
	t.Helper()
	pid := postmaster(data)
	require.Positive(t, pid)
	server, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, server.Kill())
	return pid
}

// TestUpStartsAPostgresThatWasKilledAgain: the API says meanwhile that the database is away, and goes on
// with it when it is back. One that is killed again and again ends the program.
func TestUpStartsAPostgresThatWasKilledAgain(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	up := launch(t, nil, freePorts(data)...)
	ready := parseReady(t, up.await(t, up.stdout, "{"))
	killed := killPostgres(t, data)
	away := 0
	require.Eventually(t, func() bool {
		status, header := ask(t, ready.URL+"/v1/users", ready.Tenants["acme"].Token)
		if status == http.StatusServiceUnavailable {
			away++
			require.NotEmpty(t, header.Get("Retry-After"))
			return false
		}
		require.Equal(t, http.StatusOK, status)
		now := postmaster(data)
		return now != 0 && now != killed
	}, 30*time.Second, 5*time.Millisecond)
	require.Positive(t, away)
	require.Contains(t, up.stderr.text(), "PostgreSQL ended unexpectedly")
	require.Contains(t, up.stderr.text(), "PostgreSQL runs again")
	status, body := request(t, http.MethodPost, ready.URL+"/v1/users", ready.Tenants["acme"].Token,
		`{"email":"later@acme.example","name":"Later","role":"member"}`)
	require.Equal(t, http.StatusCreated, status, body)

	for !over(up) {
		last := killPostgres(t, data)
		require.Eventually(t, func() bool {
			now := postmaster(data)
			return over(up) || now != 0 && now != last
		}, 30*time.Second, 10*time.Millisecond)
	}
	require.Equal(t, 1, up.code)
	require.Contains(t, up.stderr.text(), "PostgreSQL ended again after it had been started 5 times")
	require.NoFileExists(t, filepath.Join(data, "runtime.json"))
}

func over(r *running) bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// ask returns the status and the headers of an answer.
func ask(t *testing.T, url, token string) (int, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode, answer.Header
}
