package apptest_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, modules.Build)) }
