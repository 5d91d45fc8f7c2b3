package tenants_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// TestPinnedSeesEachKind on a server that has prepared transactions and slots.
func TestPinnedSeesEachKind(t *testing.T) {
	t.Parallel()
	own, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Throwaway: true, Settings: map[string]string{
		"max_prepared_transactions": "2", "wal_level": "logical", "max_wal_senders": "2",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop(context.Background())) })
	clusters, err := tenants.OpenClusters(config.Settings{
		DatabaseURL: own.AppURL(), OwnerDatabaseURL: own.OwnerURL(), DatabasePoolSize: 2, TenantsPerConnection: 1000,
	}, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	require.NoError(t, tenants.MigrateControl(t.Context(), clusters))
	conn := func(database string) *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), own.URL("postgres", database)+"&application_name=forgotten")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
		return conn
	}
	exec := func(conn *pgx.Conn, statement string) {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	sees, err := clusters.Home().SeesStatistics(t.Context())
	require.NoError(t, err)
	require.True(t, sees)
	pins, err := clusters.Home().Pinned(t.Context())
	require.NoError(t, err)
	require.Empty(t, ours(pins))

	// A slot is made before the others, since it waits for their transactions.
	exec(conn("tenantry"), "select pg_create_logical_replication_slot('unread', 'pgoutput')")
	exec(conn("tenantry"), "begin; create table public.prepared (); prepare transaction 'in doubt'")
	exec(conn("tenantry"), "begin; create table public.open ()")
	exec(conn("postgres"), "begin; create table elsewhere ()") // holds back another database's vacuum
	pins, err = clusters.Home().Pinned(t.Context())
	require.NoError(t, err)
	found := ours(pins)
	require.Len(t, found, 3)
	require.Equal(t, "inactive", found["replication slot"].State)
	require.Equal(t, "unread", found["replication slot"].Name)
	require.Equal(t, "in doubt", found["prepared transaction"].Name)
	require.Equal(t, "postgres", found["prepared transaction"].Login)
	session := found["session"]
	require.Equal(t, "idle in transaction", session.State)
	require.Equal(t, "postgres", session.Login)
	require.Equal(t, "forgotten", session.Application)
	require.Positive(t, session.PID)
	require.Positive(t, session.Age)
	require.Less(t, session.Age, time.Minute)

	again, err := clusters.Home().Pinned(t.Context())
	require.NoError(t, err)
	for kind, pin := range ours(again) {
		require.Equal(t, found[kind].Occurrence(), pin.Occurrence())
	}
	exec(conn("tenantry"), "rollback prepared 'in doubt'")
	exec(conn("tenantry"), "select pg_drop_replication_slot('unread')")
}

// ours leaves out the server's own sessions.
func ours(pins []tenants.Pin) map[string]tenants.Pin {
	found := map[string]tenants.Pin{}
	for _, pin := range pins {
		if pin.Kind != "session" || pin.Application == "forgotten" {
			found[pin.Kind] = pin
		}
	}
	return found
}
