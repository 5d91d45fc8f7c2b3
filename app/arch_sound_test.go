package app_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/archtest"
)

// sound is a small tree that keeps every rule. Each violation below is planted into it.
func sound() map[string]string {
	return map[string]string{
		"go.mod":                     "module github.com/tenantry/tenantry",
		"main.go":                    source("main", "app/cli", "modules"),
		"app/aggregate/aggregate.go": "package aggregate\n\ntype Root struct {\n\tID string\n\tLockVersion int64\n}\n\nfunc (r *Root) AggregateRoot() *Root { return r }",
		"app/fault/fault.go":         source("fault", "errors"),
		"app/http.go":                source("app", "tenants", "github.com/gofiber/fiber/v2", "github.com/danielgtaylor/huma/v2"),
		"app/cli/up.go":              source("cli", "app", "app/embedded", "github.com/spf13/cobra"),
		"app/embedded/nats.go":       source("embedded", "app/fault"),
		"app/module/module.go":       source("module", "tenants", "workers", "github.com/danielgtaylor/huma/v2"),
		"config/config.go":           source("config", "github.com/caarlos0/env/v11", "time"),
		"config/config_test.go":      source("config_test", "config", "github.com/stretchr/testify/require"),
		"migrations/run.go":          source("migrations", "gorm.io/gorm", "app/fault"),
		"migrations/run_test.go":     source("migrations_test", "migrations", "app/embedded", "gorm.io/gorm"),
		"migrations/tenant/1.sql":    "-- set role is a comment\ncreate function f() returns int language sql set search_path = pg_catalog as $$ select 1 $$;",
		"tenants/scope.go": "package tenants\n\nimport \"gorm.io/gorm\"\n\ntype Tx struct{ DB *gorm.DB }\n\n" +
			"var begin = `begin; set local role x; set local search_path = x, pg_temp`",
		"tenants/scope_test.go": "package tenants_test\n\nvar attack = `set role postgres; select * from users`",
		"workers/pool.go":       source("workers", "tenants"),
		"workers/lab_test.go":   source("workers_test", "workers", "modules/outbox"),
		"modules/modules.go":    source("modules", "app/module", "modules/user", "modules/outbox"),
		"modules/outbox/save.go": "package outbox\n\nimport \"github.com/tenantry/tenantry/app/aggregate\"\n\n" +
			"func Save(root *aggregate.Root) { root.LockVersion++ }",
		"modules/outbox/read.go":               readGo,
		"modules/user/userevents/events.go":    source("userevents", "time"),
		"modules/user/user.go":                 userGo,
		"modules/user/queries.go":              queriesGo,
		"modules/user/http.go":                 source("user", "github.com/danielgtaylor/huma/v2"),
		"modules/user/user_test.go":            "package user_test\n\nimport (\n\t\"testing\"\n\n\t\"github.com/tenantry/tenantry/modules/user\"\n)\n\nfunc TestUser(t *testing.T) { u := user.User{}; u.Rename(u.Name) }",
		"workers/thing_test.go":                "package workers_test\n\nimport \"github.com/tenantry/tenantry/app/aggregate\"\n\ntype thing struct{ aggregate.Root }",
		"workers/made_test.go":                 "package workers_test\n\nimport \"github.com/tenantry/tenantry/app/aggregate\"\n\nvar made = thing{Root: aggregate.Root{ID: `x`}}",
		".ci/tool/tool.go":                     source("tool", "modules/user"),
		"deploy/other/go.mod":                  "module example.com/other",
		"deploy/other/other.go":                source("other", "modules/user"),
		"modules/user/testdata/broken/any.txt": "not Go",
	}
}

const userGo = `package user

import "github.com/tenantry/tenantry/app/aggregate"

type User struct {
	aggregate.Root
	Name string
	Tags []string
}

func New(id, name string) *User { return &User{Root: aggregate.Root{ID: id}, Name: name} }

func (u *User) Rename(name string) { u.Name = name }

type body struct{ Name string }
`

//nolint:unqueryvet // a star that stands for named columns is sound
const readGo = `package outbox

import (
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

var (
	_ tenants.Tx
	_ workers.Pool
	_ = "with b as (select seq from t) select b.*, 1 from b join unnest($1) u on true"
)
`

const queriesGo = `package user

import "github.com/tenantry/tenantry/tenants"

func find(tx *tenants.Tx) (*User, error) {
	var u User
	tx.DB.Raw("select id, name, count(*) from users").Scan(&u)
	b := body{Name: u.Name}
	b.Name = "another struct's field"
	return &u, nil
}
`

// source is a file that imports. What has a rule in the table is ours.
func source(name string, imports ...string) string {
	var text strings.Builder
	text.WriteString("package " + name + "\n\nimport (\n")
	for _, imported := range imports {
		if _, ours := house().Folder(imported); ours {
			imported = house().Module + "/" + imported
		}
		text.WriteString("\t_ \"" + imported + "\"\n")
	}
	text.WriteString(")\n")
	return text.String()
}

// verb is a function of the user's package in a file that is not the aggregate's.
func verb(body string) string { return "package user\n\n" + body }

// elsewhere is another package that has got hold of a user.
func elsewhere(body string) string {
	return "package bench\n\nimport (\n\t\"github.com/tenantry/tenantry/app/aggregate\"\n" +
		"\t\"github.com/tenantry/tenantry/modules/user\"\n)\n\nvar _ aggregate.Root\nvar _ user.User\n\n" + body
}

// requireCaught plants one file and requires that what is found is that, and in that file.
func requireCaught(t *testing.T, file, text, want string) {
	t.Helper()
	found := violations(t, map[string]string{file: text})
	require.Len(t, found, 1, "%v", found)
	require.Contains(t, found[0].String(), want)
}

func violations(t *testing.T, planted map[string]string) []archtest.Violation {
	t.Helper()
	found, err := archtest.Check(plant(planted), house())
	require.NoError(t, err)
	return found
}

func plant(planted map[string]string) fstest.MapFS {
	files := sound()
	maps.Copy(files, planted)
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}
