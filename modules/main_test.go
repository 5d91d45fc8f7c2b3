// Package modules_test tests the whole program: all modules, the API, the worker, a real PostgreSQL
// and a real NATS JetStream. What one module does alone is tested where it is.
package modules_test

import (
	"os"
	"testing"
	"time"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules"
)

// patience is how long a test waits for what must come, and interval how often it looks.
const (
	patience = 20 * time.Second
	interval = 5 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, modules.Build)) }
