package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

func TestRiverWorksInADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.WithoutCancel(t.Context())) })
	admin, err := pgxpool.New(t.Context(), server.SuperuserURL())
	require.NoError(t, err)
	defer admin.Close()
	url := server.URL("postgres", riverDatabase)
	for range 2 { // it begins with an empty database each time
		rate, condition, err := measureRiver(t.Context(), admin, url, 2000)
		require.NoError(t, err)
		require.Positive(t, rate)
		require.Contains(t, condition, "2000 jobs")
	}
	river, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer river.Close()
	var completed int
	require.NoError(t, river.QueryRow(t.Context(), "select count(*) from river_job where state = 'completed'").Scan(&completed))
	require.Equal(t, 2000, completed)
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
	require.Equal(t, "drain: ", riverDrain[:7], "it is drawn among the drains")
	require.Contains(t, string(mod), "github.com/riverqueue/river "+riverVersion+"\n")
	require.Contains(t, riverCondition(riverJobs), riverVersion)
}
