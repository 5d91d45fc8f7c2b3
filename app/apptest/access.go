package apptest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// OperatorID is the user id of Operator.
const OperatorID = "op-test"

// App is the running program.
func App() *app.App { return current().app }

// Settings are the program's settings.
func Settings() config.Settings { return current().settings }

// Clusters are the program's clusters.
func Clusters() *tenants.Clusters { return current().app.Clusters() }

// Tenants is the program's service for operators.
func Tenants() *tenants.Service { return current().app.Tenants() }

// URL is how to reach the API.
func URL() string { return current().app.URL() }

// MetricsURL is how to reach metrics and health.
func MetricsURL() string { return current().app.MetricsURL() }

// Postgres is the server itself, for tests that restart it. All tests of the package share it.
func Postgres() *embedded.Postgres { return current().runtime.Postgres() }

// Operator is who onboards.
func Operator() tenants.Actor {
	return tenants.Actor{UserID: OperatorID, Roles: []tenants.Role{tenants.Operator}, RequestID: "apptest"}
}

// OperatorToken is an operator's token.
func OperatorToken(t testing.TB) string {
	t.Helper()
	return Mint(t, tenants.TokenRequest{UserID: OperatorID, Roles: []tenants.Role{tenants.Operator}})
}

// OperatorClient calls the API with an operator's token.
func OperatorClient(t testing.TB) *Client {
	t.Helper()
	return NewClient(OperatorToken(t))
}

// Mint makes any token with the program's key. Without a time it begins now.
func Mint(t testing.TB, request tenants.TokenRequest) string {
	t.Helper()
	if request.Now.IsZero() {
		request.Now = Clusters().Home().Now()
	}
	token, err := tenants.Mint(Settings().JWT, request)
	require.NoError(t, err)
	return token
}

// Superuser is a pool that no fence stops, on the program's database.
func Superuser(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return current().superuser
}

// NATS is a stock client's connection to the broker, closed with the test.
func NATS(t testing.TB) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(current().settings.NATSURL)
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// Stream is the stream of all events.
func Stream(t testing.TB) jetstream.Stream {
	t.Helper()
	stream, err := current().js.Stream(context.Background(), app.StreamName)
	require.NoError(t, err)
	return stream
}
