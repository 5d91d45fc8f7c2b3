package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

func TestRiverWorksInADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.WithoutCancel(t.Context())) })
	rate, err := river(t.Context(), server.SuperuserURL(), 2000)
	require.NoError(t, err)
	require.Positive(t, rate)
}

func TestWithoutSourceThereIsNoRiver(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := river(t.Context(), "postgres://", 1)
	require.ErrorIs(t, err, errNoRiver)
}

func TestARiverThatFailsSaysWhyAndNoPassword(t *testing.T) {
	t.Parallel()
	_, err := river(t.Context(), "postgres://u:secret@127.0.0.1:1/none", 1)
	require.ErrorContains(t, err, "River's bench")
	require.NotContains(t, err.Error(), "secret")
}

func TestTheConditionsNameRiversPinnedVersion(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile(filepath.Join("river", "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "github.com/riverqueue/river "+riverVersion+"\n")
	require.Contains(t, riverCondition(), riverVersion)
}
