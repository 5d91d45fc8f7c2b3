package app_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules"
)

// Nothing is started unless a test asks for the running program.
func TestMain(m *testing.M) { os.Exit(apptest.Main(m, modules.Build)) }
