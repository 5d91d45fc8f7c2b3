package embedded_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func one[T any](t *testing.T, conn *pgx.Conn, query string) T {
	t.Helper()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&value))
	return value
}

func TestPostgresStarts(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: t.TempDir(), Throwaway: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })

	require.Equal(t, "tenantry_app", one[string](t, connect(t, server.AppURL()), "SELECT session_user"))
	require.Equal(t, "tenantry_owner", one[string](t, connect(t, server.OwnerURL()), "SELECT session_user"))
	require.Equal(t, "127.0.0.1", one[string](t, connect(t, server.SuperuserURL()), "SELECT current_setting('listen_addresses')"))
}
