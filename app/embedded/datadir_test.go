package embedded_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
)

func TestDataDirIsHeldByOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "below", "data")
	first, err := embedded.OpenDataDir(path)
	require.NoError(t, err)
	require.Equal(t, path, first.Path())

	_, err = embedded.OpenDataDir(path)
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.Equal(t, "data_dir_in_use", fault.CodeOf(err))
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "--data")

	require.NoError(t, first.Close())
	second, err := embedded.OpenDataDir(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestDataDirIsPrivate(t *testing.T) {
	t.Parallel()
	dir, err := embedded.OpenDataDir(filepath.Join(t.TempDir(), "data"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	info, err := os.Stat(dir.Path())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	inUse := func() bool {
		held, err := embedded.InUse(path)
		require.NoError(t, err)
		return held
	}
	require.False(t, inUse(), "missing")
	require.NoDirExists(t, path, "asking makes nothing")

	dir, err := embedded.OpenDataDir(path)
	require.NoError(t, err)
	require.True(t, inUse(), "open")
	require.NoError(t, dir.Close())
	require.False(t, inUse(), "closed")
}

func TestDataDirThatIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := embedded.OpenDataDir(path)
	require.Error(t, err)
}
