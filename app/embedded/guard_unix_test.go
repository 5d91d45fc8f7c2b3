//go:build unix

package embedded

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuardStopsTheServerWithItsOwner(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), "sleep", "60")
	require.NoError(t, server.Start())
	watch, err := startGuard(server.Process.Pid)
	require.NoError(t, err)

	// The end of the owner is the end of its side of the pipe.
	require.NoError(t, watch.life.Close())
	require.ErrorContains(t, server.Wait(), "quit")
	require.NoError(t, watch.shell.Wait())
}

func TestGuardThatIsReleasedDoesNothing(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), "sleep", "60")
	require.NoError(t, server.Start())
	watch, err := startGuard(server.Process.Pid)
	require.NoError(t, err)

	watch.release()
	require.True(t, alive(server.Process.Pid))
	require.NoError(t, server.Process.Kill())
	require.ErrorContains(t, server.Wait(), "killed")
}
