package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
)

// serverPid is what a server that is ready says about itself, 0 as long as none is.
func serverPid(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
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

// killServer ends the server as the system does when memory runs out, and returns its number.
func killServer(t *testing.T, dir string) int {
	t.Helper()
	pid := serverPid(dir)
	require.Positive(t, pid)
	server, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, server.Kill())
	return pid
}

func TestAServerThatIsKilledIsStartedAgainUntilThatIsTooOften(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	execute(t, connect(t, server.OwnerURL()), keptData)
	kept := make(chan error, 1)
	go func() { kept <- server.KeepRunning(context.WithoutCancel(t.Context())) }()
	for range 5 {
		killed := killServer(t, dir)
		require.Eventually(t, func() bool {
			pid := serverPid(dir)
			return pid != 0 && pid != killed
		}, 30*time.Second, 10*time.Millisecond)
		require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"), "on the same port")
	}
	killServer(t, dir)
	err := <-kept
	require.Equal(t, "postgres_keeps_ending", fault.CodeOf(err))
	require.ErrorContains(t, err, filepath.Join(dir, "postgres.log"))
}

func TestKeepingAServerEndsWithItsContextOrItsStop(t *testing.T) {
	t.Parallel()
	server := startWith(t, embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, server.KeepRunning(over))
	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, server.KeepRunning(t.Context()))
}

func TestStartsAreCountedWithinAMinute(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	require.Equal(t, []bool{true, true, true, true, true, false, true, false},
		embedded.AllowStarts(at(0), at(10), at(10), at(10), at(10), at(59), at(60), at(69)))
}
