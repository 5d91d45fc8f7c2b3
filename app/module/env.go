package module

import (
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/tenants"
)

// Env is what a process has opened, and modules are built over.
type Env struct {
	// Clusters reaches the tenants' databases; nil in a process that is only a worker, which knows the
	// clusters that it serves and nothing of the registry. A module keeps it and does not use it in Build.
	Clusters *tenants.Clusters
	// Tenants is the operator's service over the registry; nil where Clusters is.
	Tenants *tenants.Service
	// NATS is the connection to the broker; nil in a process that needs none.
	NATS *nats.Conn
	// JetStream publishes to the stream of events; nil where NATS is.
	JetStream jetstream.JetStream
	// Duplicate is called for each event that the broker dropped because it had it already.
	Duplicate func()
	// Handlers are those of all modules, for commands; nil while the modules are built.
	Handlers []Handler
	// Log is the process's log.
	Log *slog.Logger
}
