package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// launchProcess starts the program as a process of its own and waits until it is ready.
func launchProcess(t *testing.T, data string) (*exec.Cmd, readyLine) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, freePorts(data)...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return cmd, parseReady(t, line)
}

func TestKilledProgramRecoversAllDataAtTheNextStart(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	first, before := launchProcess(t, data)
	token := before.Tenants["acme"].Token
	const users = 20
	for i := range users {
		body, err := json.Marshal(map[string]string{
			"email": string(rune('a'+i)) + "@example.com", "name": "Somebody", "role": "member",
		})
		require.NoError(t, err)
		status, answer := request(t, http.MethodPost, before.URL+"/v1/users", token, string(body))
		require.Equal(t, http.StatusCreated, status, answer)
	}
	require.NoError(t, first.Process.Kill())
	require.Error(t, first.Wait(), "it was killed")

	gone := call(t, nil, "tenant", "list", "--data", data)
	require.Equal(t, 1, gone.code, "what it left says nothing about a running program")
	require.Contains(t, gone.stderr, "No program runs")

	second, after := launchProcess(t, data)
	status, answer := request(t, http.MethodGet, after.URL+"/v1/users?limit=200", token, "")
	require.Equal(t, http.StatusOK, status, "a token outlives a restart: %s", answer)
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &page))
	require.Len(t, page.Items, users+1)
	ready := time.Now()
	awaitEvents(t, after.NATSURL, users+2)
	status, answer = request(t, http.MethodPost, after.URL+"/v1/users", token, `{"email":"z@example.com","name":"Z","role":"member"}`)
	require.Equal(t, http.StatusCreated, status, answer)
	awaitEvents(t, after.NATSURL, users+3)
	require.Less(t, time.Since(ready), 5*time.Second, "the dead one's leases would have run out later")
	require.NoError(t, second.Process.Signal(os.Interrupt))
	require.NoError(t, second.Wait(), "it ends with 0 when it is asked to")
}

// awaitEvents waits until the stream has so many events of acme, each once.
func awaitEvents(t *testing.T, natsURL string, count int) {
	t.Helper()
	conn, err := nats.Connect(natsURL)
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	consumer, err := js.OrderedConsumer(t.Context(), "EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"events.acme.>"}})
	require.NoError(t, err)
	seen := map[string]bool{}
	for range count {
		message, err := consumer.Next()
		require.NoError(t, err)
		id := message.Headers().Get("ce-id")
		require.False(t, seen[id], "published twice")
		seen[id] = true
	}
}

func TestInterruptDuringTheStartEndsItAndTheNextStartIsWhole(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, freePorts(data)...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		_, err := os.Lstat(filepath.Join(data, "postgres.unfinished"))
		return err == nil
	}, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Equal(t, "Interrupted.\n", stderr.String())

	next, _ := launchProcess(t, data)
	require.NoError(t, next.Process.Signal(syscall.SIGTERM))
	require.NoError(t, next.Wait())
}
