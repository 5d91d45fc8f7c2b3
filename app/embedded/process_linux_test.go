package embedded_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

// endsWithOwner says that the system ends a server whose owner was killed.
const endsWithOwner = true

func TestServerIsAloneInItsProcessGroup(t *testing.T) {
	t.Parallel()
	pid := shared.Pid()
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, group)
}

func TestServerNeverRunsAsRoot(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(fmt.Sprintf("/proc/%d", shared.Pid()))
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.NotZero(t, stat.Uid)
}

// TestPasswordsStayInTheirFile looks for them where others could: in the arguments and the
// environment of the server, in its log, and in the files that others may read.
func TestPasswordsStayInTheirFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	connect(t, server.AppURL())
	secrets := make([]string, 0, 3)
	for _, login := range []string{"postgres", "tenantry_owner", "tenantry_app"} {
		address, err := url.Parse(server.URL(login, "tenantry"))
		require.NoError(t, err)
		password, _ := address.User.Password()
		require.GreaterOrEqual(t, len(password), 20)
		secrets = append(secrets, password)
	}
	process := fmt.Sprintf("/proc/%d/", server.Pid())
	for _, name := range []string{process + "cmdline", process + "environ", filepath.Join(dir, "postgres.log")} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, secret := range secrets {
			require.NotContains(t, string(text), secret, name)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "postgres.passwords"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
