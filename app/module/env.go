package module

import (
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/tenants"
)

// Env is what a process has opened, and modules are built over.
type Env struct {
	// Clusters reaches the tenants' databases.
	Clusters *tenants.Clusters
	// Tenants is the operator's service over the registry.
	Tenants *tenants.Service
	// NATS is the connection to the broker; nil in a process that needs none.
	NATS *nats.Conn
	// JetStream publishes to the stream of events; nil where NATS is.
	JetStream jetstream.JetStream
	// Duplicate is called for each event that the broker dropped because it had it already.
	Duplicate func()
	// Log is the process's log.
	Log *slog.Logger
}
