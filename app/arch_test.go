package app_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/archtest"
)

// house is who may import whom, and what only some files may do. A name in a folder's list is a folder,
// or a pattern of folders; a folder always may import itself, which its tests do.
func house() archtest.Rules {
	return archtest.Rules{
		Module:        "github.com/tenantry/tenantry",
		Folders:       folders(),
		Libraries:     libraries(),
		TestLibraries: []string{"github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid"},
		Root:          "app/aggregate.Root",
		Savers:        []string{"modules/outbox/save.go"},
		Handles: []archtest.Handle{{
			Folder: "tenants", Type: "Tx", Field: "DB", In: []string{"modules/*"}, Files: gormFiles(),
		}},
	}
}

func folders() []archtest.Folder {
	nothing := []string{}
	return []archtest.Folder{
		{Path: "app/aggregate", Libraries: nothing},
		{Path: "app/fault", Libraries: nothing},
		{Path: "modules/*/*events", Libraries: nothing},
		// Pages, cursors and versions, as every list and every change has them: a leaf for all who have those.
		{Path: "app/rest", Imports: []string{"app/fault"}, Libraries: nothing},
		{Path: "config", Libraries: []string{"github.com/caarlos0/env/v11"}},
		{ // Its tests migrate a real server.
			Path: "migrations", Imports: []string{"app/fault"}, Tests: []string{"app/embedded"},
			Libraries: []string{"gorm.io", "github.com/go-gormigrate/gormigrate/v2"},
		},
		{ // Its tests attack a real server.
			Path:    "tenants",
			Imports: []string{"config", "migrations", "app/fault", "app/aggregate", "app/rest"}, Tests: []string{"app/embedded"},
		},
		{ // Its tests run the pool on real servers, over the real outbox.
			Path: "workers", Imports: []string{"tenants", "app/fault"},
			Tests: []string{"app/embedded", "app/aggregate", "config", "modules/outbox"},
		},
		// It runs the schedule alone, in virtual time.
		{Path: "workers/simulate", Imports: []string{"workers"}, Libraries: nothing},
		{Path: "app/module", Imports: []string{"tenants", "workers", "app/aggregate", "app/fault"}},
		// It starts servers, and knows nothing of what runs on them.
		{Path: "app/embedded", Imports: []string{"app/fault"}},
		// Whoever checks the rules depends on nothing that they are about.
		{Path: "app/archtest", Libraries: nothing},
		// The tests of app and of what belongs to it run the whole program, which the list of modules completes.
		{Path: "app", Imports: appImports(), Tests: []string{"modules"}},
		{Path: "app/apptest", Imports: appImports(), Tests: []string{"modules"}},
		{Path: "app/cli", Imports: appImports(), Tests: []string{"modules"}},
		{ // It implements the workers' source. Its tests run the program with settings of their own.
			Path:    "modules/outbox",
			Imports: append(moduleImports(), "workers"), Tests: []string{"app/apptest", "config"},
		},
		{Path: "modules/*", Imports: moduleImports(), Tests: []string{"app/apptest"}},
		{ // The one place that knows all modules is where the whole program is tested.
			Path:    "modules",
			Imports: []string{"app/module", "modules/*"}, Tests: append(appImports(), "modules/*/*events"),
		},
		// It measures the program as a whole, and parts of it alone. Nobody but main imports it.
		{Path: "bench", Imports: append(appImports(), "modules", "modules/*", "workers/simulate", "bench/plot")},
		// It draws what was measured, and measures nothing.
		{Path: "bench/plot", Libraries: nothing},
		// It disturbs the program as a whole.
		{Path: "bench/chaos", Imports: append(appImports(), "modules")},
		// The command line gets the modules from here; bench is one of its commands.
		{Path: ".", Imports: []string{"app", "app/cli", "config", "modules", "bench", "bench/chaos"}},
	}
}

func appImports() []string {
	return []string{"config", "tenants", "workers", "migrations", "app", "app/*"}
}

func moduleImports() []string {
	return []string{"app/module", "app/aggregate", "app/fault", "app/rest", "tenants", "modules/outbox", "modules/*/*events"}
}

func libraries() []archtest.Library {
	return []archtest.Library{
		{Path: "github.com/gofiber", Files: []string{
			"app/*.go", "tenants/middleware.go", "tenants/middleware_test.go", "modules/*/http.go",
		}},
		// The typed routes: app makes the API, a module's table of contents hands it on to http.go.
		{Path: "github.com/danielgtaylor/huma/v2", Files: []string{
			"app/*.go", "app/module/module.go", "modules/*/http.go", "modules/*/module.go",
		}},
		{Path: "gorm.io", Files: append(gormFiles(), "tenants/*.go", "migrations/*.go")},
		{Path: "github.com/go-gormigrate", Files: []string{"migrations/*.go"}},
	}
}

// gormFiles are the files of modules that reach the database, and the tests that look into it.
func gormFiles() []string {
	return []string{"modules/*/service.go", "modules/*/queries.go", "modules/outbox/*.go", "modules/*/*_test.go", "modules/*_test.go"}
}

func TestTheHouseKeepsItsRules(t *testing.T) {
	t.Parallel()
	tree := os.DirFS("..")
	found, err := archtest.Check(tree, house())
	require.NoError(t, err)
	for _, violation := range found {
		t.Error(violation)
	}
	unused, err := archtest.Unused(tree, house())
	require.NoError(t, err)
	require.Empty(t, unused, "rules whose folder is gone")
}
