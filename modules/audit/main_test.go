package audit_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/audit"
	"github.com/tenantry/tenantry/modules/outbox"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, build)) }

// build is the program with the audit module alone, and the outbox whose events it shows.
func build(env module.Env) (module.Set, error) { return outbox.Join(env, audit.Module(env)), nil }
