//go:build unix

package embedded_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

// TestFilesThatTheServerCannotReach: root's private folders hide what is in them from the server's
// user, so the files go elsewhere. Everybody else is the server's user.
func TestFilesThatTheServerCannotReach(t *testing.T) {
	t.Parallel()
	hidden := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Chmod(filepath.Dir(hidden), 0o700))
	for _, throwaway := range []bool{false, true} {
		var text bytes.Buffer
		cfg := embedded.PostgresConfig{
			Dir: filepath.Join(hidden, map[bool]string{true: "brief"}[throwaway]), Throwaway: throwaway,
			Log: slog.New(slog.NewTextHandler(&text, nil)),
		}
		server := startWith(t, cfg)
		elsewhere := server.Files() != filepath.Join(cfg.Dir, "postgres")
		require.Equal(t, os.Geteuid() == 0, elsewhere)
		require.Equal(t, elsewhere, strings.Contains(text.String(), server.Files()), "the log says so")
		info, err := os.Stat(server.Files())
		require.NoError(t, err)
		stat, ok := info.Sys().(*syscall.Stat_t)
		require.True(t, ok)
		require.NotZero(t, stat.Uid)
		require.NoError(t, server.Stop(t.Context()))
		if throwaway {
			require.NoDirExists(t, server.Files())
			continue
		}
		require.DirExists(t, server.Files())
		cfg.Throwaway = true
		require.NoError(t, startWith(t, cfg).Stop(t.Context()))
		require.NoDirExists(t, server.Files())
	}
}

// TestFilesThatTheServerCanReach stay in the data folder, which opens to the server's group only.
func TestFilesThatTheServerCanReach(t *testing.T) {
	t.Parallel()
	//nolint:usetesting // the test's own folder is hidden below one that only root may enter
	dir, err := os.MkdirTemp("", "tenantry-open-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.Equal(t, filepath.Join(dir, "postgres"), server.Files())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o007, "not for others")
}
