// Package modules_test tests the whole program: all modules, the API, the worker, a real PostgreSQL
// and a real NATS JetStream. What one module does alone is tested where it is.
package modules_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/audit"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/modules/user"
)

// patience is how long a test waits for what must come, and interval how often it looks.
const (
	patience = 20 * time.Second
	interval = 5 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, build)) }

// probe is a handler that operators can pause while other tests publish: nothing ever reaches it.
const probe = "probe"

// build joins all modules, and one with the probe.
func build(env module.Env) (module.Set, error) {
	return outbox.Join(env, user.Module(env), audit.Module(env), module.Module{Name: probe, Handlers: []module.Handler{{
		Name: probe, Events: []string{"Probe.never"}, External: func(context.Context, module.Event) error { return nil },
	}}}), nil
}
