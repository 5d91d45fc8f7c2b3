package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADataFolderKeepsItsWorkersName(t *testing.T) {
	t.Parallel()
	data, other := t.TempDir(), t.TempDir()
	name, err := keptWorkerName(data)
	require.NoError(t, err)
	again, err := keptWorkerName(data)
	require.NoError(t, err)
	require.Equal(t, name, again)

	id, err := os.ReadFile(filepath.Join(data, workerName))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other, workerName), id, privateFile))
	copied, err := keptWorkerName(other)
	require.NoError(t, err)
	require.NotEqual(t, name, copied, "a copy of the folder is another program")

	_, err = keptWorkerName(filepath.Join(data, "missing"))
	require.Error(t, err)
}
