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
func OperatorToken(tb testing.TB) string {
	tb.Helper()
	return Mint(tb, tenants.TokenRequest{UserID: OperatorID, Roles: []tenants.Role{tenants.Operator}})
}

// OperatorClient calls the API with an operator's token.
func OperatorClient(tb testing.TB) *Client {
	tb.Helper()
	return NewClient(OperatorToken(tb))
}

// Mint makes any token with the program's key. Without a time it begins now.
func Mint(tb testing.TB, request tenants.TokenRequest) string {
	tb.Helper()
	if request.Now.IsZero() {
		request.Now = Clusters().Home().Now()
	}
	token, err := tenants.Mint(Settings().JWT, request)
	require.NoError(tb, err)
	return token
}

// Superuser is a pool that no fence stops, on the program's database.
func Superuser(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return current().superuser
}

// NATS is a stock client's connection to the broker, closed with the test.
func NATS(tb testing.TB) *nats.Conn {
	tb.Helper()
	conn, err := nats.Connect(current().settings.NATSURL)
	require.NoError(tb, err)
	tb.Cleanup(conn.Close)
	return conn
}

// Stream is the stream of all events.
func Stream(tb testing.TB) jetstream.Stream {
	tb.Helper()
	stream, err := current().js.Stream(context.Background(), app.StreamName)
	require.NoError(tb, err)
	return stream
}
