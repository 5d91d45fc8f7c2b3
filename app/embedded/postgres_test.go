package embedded_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
)

func TestLogins(t *testing.T) {
	t.Parallel()
	server := shared
	for login, address := range map[string]string{
		"tenantry_app": server.AppURL(), "tenantry_owner": server.OwnerURL(), "postgres": server.SuperuserURL(),
	} {
		require.Equal(t, login, one[string](t, connect(t, address), "SELECT session_user"))
	}
	conn := connect(t, server.URL("postgres", "tenantry"))
	require.Equal(t, "tenantry_owner", one[string](t, conn,
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'tenantry'"))
	require.Equal(t, "UTF8", one[string](t, conn, "SHOW server_encoding"))
	require.Equal(t, "ärger", one[string](t, conn, "SELECT lower('ÄRGER')"))
}

func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	conn := connect(t, shared.SuperuserURL())
	require.Equal(t, "127.0.0.1", one[string](t, conn, "SHOW listen_addresses"))
	require.Empty(t, one[string](t, conn, "SHOW unix_socket_directories"))
	require.Equal(t, int64(0), one[int64](t, conn,
		"SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'"))
}

func TestWrongPasswordIsRefused(t *testing.T) {
	t.Parallel()
	server := shared
	for _, login := range []string{"postgres", "tenantry_owner", "tenantry_app"} {
		address, err := url.Parse(server.URL(login, "tenantry"))
		require.NoError(t, err)
		address.User = url.UserPassword(login, "guess")
		require.ErrorContains(t, ping(t, address.String()), "28P01")
		address.User = url.User(login)
		require.Error(t, ping(t, address.String()))
	}
}

func TestDataSurvivesStopAndStart(t *testing.T) {
	t.Parallel()
	cfg := embedded.PostgresConfig{Dir: t.TempDir()}
	server := startWith(t, cfg)
	execute(t, connect(t, server.OwnerURL()), keptData)
	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, server.Stop(t.Context()), "a second stop does nothing")

	cfg.Throwaway = true
	server = startWith(t, cfg)
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))
}

func TestRestartAndKill(t *testing.T) {
	t.Parallel()
	server := startWith(t, embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	execute(t, connect(t, server.OwnerURL()), keptData)
	port := server.Port()

	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, port, server.Port())
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))

	require.NoError(t, server.RestartFast(t.Context()))
	require.Equal(t, port, server.Port())
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))

	require.NoError(t, server.Kill())
	require.Error(t, ping(t, server.AppURL()))
	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))
}

// TestRestartWaitsForItsPort: clients know the port, so a program that took it is waited for.
func TestRestartWaitsForItsPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.NoError(t, server.Kill())
	var config net.ListenConfig
	thief, err := config.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", server.Port()))
	require.NoError(t, err)

	restarted := make(chan error, 1)
	go func() { restarted <- server.Restart(context.WithoutCancel(t.Context())) }()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
		return err == nil && strings.Contains(string(text), "could not bind")
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, thief.Close())
	require.NoError(t, <-restarted)
	require.NoError(t, ping(t, server.AppURL()))
}

func TestCreateDatabase(t *testing.T) {
	t.Parallel()
	server := shared
	for range 2 {
		require.NoError(t, server.CreateDatabase(t.Context(), `odd "name"`))
	}
	fence := "SELECT has_function_privilege('public', 'set_config(text,text,boolean)', 'EXECUTE')"
	conn := connect(t, server.URL("tenantry_app", `odd "name"`))
	require.False(t, one[bool](t, conn, fence))
	require.Equal(t, "tenantry_owner", one[string](t, conn,
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"))
}

func TestLoginsCannotEnterOtherDatabases(t *testing.T) {
	t.Parallel()
	server := shared
	for _, database := range []string{"postgres", "template1"} {
		require.ErrorContains(t, ping(t, server.URL("tenantry_app", database)), "42501")
	}
}

func TestSecondServerOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	cfg := embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true}
	server := startWith(t, cfg)
	_, err := embedded.StartPostgres(t.Context(), cfg)
	require.ErrorIs(t, err, embedded.ErrInUse)
	require.NoError(t, ping(t, server.AppURL()), "the first goes on")
}

func TestFailedStartShowsTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := embedded.PostgresConfig{Dir: dir, Throwaway: true, Settings: map[string]string{"shared_buffers": "plenty"}}
	_, err := embedded.StartPostgres(t.Context(), cfg)
	require.Equal(t, "postgres_start_failed", fault.CodeOf(err))
	require.ErrorContains(t, err, "shared_buffers")
	require.Empty(t, entries(t, dir), "a throwaway server leaves no files")
}

func TestThrowawayLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.NoError(t, err)
	files := server.Files()
	require.DirExists(t, files)
	require.NoError(t, server.Stop(t.Context()))
	require.NoDirExists(t, files)
	require.Empty(t, entries(t, dir))
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	require.Error(t, err)
}

func TestInterruptedInitdbIsDoneAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "postgres.unfinished", "base"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres.unfinished.password"), []byte("x"), 0o600))
	startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.NoFileExists(t, filepath.Join(dir, "postgres.unfinished.password"))
}

func TestLostFilesAreNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "postgres")))
	_, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
	require.Equal(t, "postgres_files_missing", fault.CodeOf(err))
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range found {
		if entry.Name() != "postgres.lock" {
			names = append(names, entry.Name())
		}
	}
	return names
}
