package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/modules"
)

// outcome is what a command left.
type outcome struct {
	code           int
	stdout, stderr string
}

// newProgram is the real program with an environment of its own.
func newProgram(environ []string, args ...string) cli.Program {
	return cli.Program{
		Args: append([]string{"tenantry"}, args...), Environ: environ, Stdin: strings.NewReader(""),
		Stdout: io.Discard, Stderr: io.Discard,
		Build: modules.Build, Commands: modules.Commands(), Version: "v1.2.3", Commit: "abcdef",
	}
}

// call runs a command to its end.
func call(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	program := newProgram(environ, args...)
	program.Stdout, program.Stderr = &stdout, &stderr
	code := cli.Main(t.Context(), program)
	return outcome{code, stdout.String(), stderr.String()}
}

// mustCall runs a command that has to succeed, and returns its result.
func mustCall(t *testing.T, args ...string) string {
	t.Helper()
	got := call(t, nil, args...)
	require.Zero(t, got.code, "%v: %s", args, got.stderr)
	return got.stdout
}

// running is a command that runs for long.
type running struct {
	// stdout and stderr hear each line.
	stdout, stderr *lines
	stop           context.CancelFunc
	ended          chan struct{}
	code           int
}

// launch starts a command and stops it at the latest with the test.
func launch(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stdout: newLines(), stderr: newLines(), stop: cancel, ended: make(chan struct{})}
	program := newProgram(environ, args...)
	program.Stdout, program.Stderr = r.stdout, r.stderr
	go func() {
		defer close(r.ended)
		r.code = cli.Main(ctx, program)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// end stops it and returns its exit code.
func (r *running) end(t *testing.T) int {
	t.Helper()
	r.stop()
	select {
	case <-r.ended:
	case <-time.After(30 * time.Second):
		require.FailNow(t, "it did not end", "%s", r.stderr.text())
	}
	return r.code
}

// await returns the first line that holds a text.
func (r *running) await(t *testing.T, from *lines, text string) string {
	t.Helper()
	for {
		select {
		case line := <-from.heard:
			if strings.Contains(line, text) {
				return line
			}
		case <-r.ended:
			require.FailNow(t, "it ended early", "%s", r.stderr.text())
		case <-time.After(60 * time.Second):
			require.FailNow(t, "it was not ready in time", "%s", r.stderr.text())
		}
	}
}

// lines is a writer that hands on every line, and keeps all.
type lines struct {
	mu    sync.Mutex
	all   bytes.Buffer
	part  []byte
	heard chan string
}

func newLines() *lines { return &lines{heard: make(chan string, 10_000)} }

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(text)
	l.part = append(l.part, text...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		l.heard <- string(line)
		l.part = rest
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// readyLine is the line that up prints.
type readyLine struct {
	Ready         bool   `json:"ready"`
	URL           string `json:"url"`
	MetricsURL    string `json:"metrics_url"`
	NATSURL       string `json:"nats_url"`
	DatabaseURL   string `json:"database_url"`
	OperatorToken string `json:"operator_token"`
	Tenants       map[string]struct {
		Token string `json:"token"`
	} `json:"tenants"`
}

func parseReady(t *testing.T, line string) readyLine {
	t.Helper()
	var ready readyLine
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&ready), line)
	require.True(t, ready.Ready)
	return ready
}

// dataFolder is where PostgreSQL's user can keep its files, also when root runs the tests.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{filepath.Dir(dir), dir} {
		require.NoError(t, os.Chmod(folder, 0o711))
	}
	return filepath.Join(dir, "data")
}

// freePorts are the flags with which nothing collides.
func freePorts(data string) []string {
	return []string{
		"up", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
	}
}

// request asks the API and returns the status and the body.
func request(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(bufio.NewReader(answer.Body))
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}
