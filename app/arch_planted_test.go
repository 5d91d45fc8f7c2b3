package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/archtest"
)

func TestTheSoundTreeIsSound(t *testing.T) {
	t.Parallel()
	require.Empty(t, violations(t, nil))
}

func TestPlantedImportsAreCaught(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, text, want string }{
		"a folder without a rule":          {"helpers/strings.go", source("helpers"), "helpers: the folder has Go files and no rule"},
		"a test alone in such a folder":    {"tools/x_test.go", source("tools_test"), "tools: the folder has Go files and no rule"},
		"aggregate needs the project":      {"app/aggregate/a.go", source("aggregate", "app/fault"), "app/aggregate may not import app/fault"},
		"aggregate needs a library":        {"app/aggregate/a.go", source("aggregate", "github.com/google/uuid"), "app/aggregate may not import the library github.com/google/uuid"},
		"fault needs a library":            {"app/fault/a.go", source("fault", "google.golang.org/grpc"), "may not import the library google.golang.org/grpc"},
		"events need their module":         {"modules/user/userevents/a.go", source("userevents", "modules/user"), "may not import modules/user"},
		"events need a library":            {"modules/user/userevents/a.go", source("userevents", "github.com/google/uuid"), "may not import the library"},
		"config needs another library":     {"config/a.go", source("config", "github.com/spf13/viper"), "config may not import the library github.com/spf13/viper"},
		"config needs tests' library":      {"config/a.go", source("config", "github.com/stretchr/testify/require"), "config may not import the library"},
		"migrations know tenants":          {"migrations/a.go", source("migrations", "tenants"), "migrations may not import tenants"},
		"migrations start servers":         {"migrations/a.go", source("migrations", "app/embedded"), "migrations may not import app/embedded"},
		"tenants know workers":             {"tenants/a.go", source("tenants", "workers"), "tenants may not import workers"},
		"tenants' tests know modules":      {"tenants/a_test.go", source("tenants_test", "modules/user"), "a test of tenants may not import modules/user"},
		"workers know the outbox":          {"workers/a.go", source("workers", "modules/outbox"), "workers may not import modules/outbox"},
		"the contract knows a module":      {"app/module/a.go", source("module", "modules/user"), "app/module may not import modules/user"},
		"the app knows a module":           {"app/a.go", source("app", "modules/user"), "app may not import modules/user"},
		"the app knows the modules":        {"app/a.go", source("app", "modules"), "app may not import modules"},
		"a command knows a module":         {"app/cli/a.go", source("cli", "modules/outbox"), "app/cli may not import modules/outbox"},
		"the servers know the app":         {"app/embedded/a.go", source("embedded", "app"), "app/embedded may not import app"},
		"a module knows another":           {"modules/user/a.go", source("user", "modules/audit"), "modules/user may not import modules/audit"},
		"a test knows another module":      {"modules/user/a_test.go", source("user_test", "modules/audit"), "a test of modules/user may not import modules/audit"},
		"a module knows the app":           {"modules/user/a.go", source("user", "app"), "modules/user may not import app"},
		"a module runs the tests' app":     {"modules/user/a.go", source("user", "app/apptest"), "modules/user may not import app/apptest"},
		"a module knows the workers":       {"modules/user/a.go", source("user", "workers"), "modules/user may not import workers"},
		"the list knows the app":           {"modules/a.go", source("modules", "app"), "modules may not import app"},
		"main does the tenants' work":      {"a.go", source("main", "tenants"), ". may not import tenants"},
		"a file of another system":         {"tenants/a_plan9.go", source("tenants", "workers"), "tenants may not import workers"},
		"a file behind a build tag":        {"tenants/a.go", "//go:build never\n\n" + source("tenants", "workers"), "tenants may not import workers"},
		"a named import":                   {"tenants/a.go", "package tenants\n\nimport w \"github.com/tenantry/tenantry/workers\"\n\nvar _ w.Pool", "tenants may not import workers"},
		"Fiber in a service":               {"modules/user/service.go", source("user", "github.com/gofiber/fiber/v2"), "the library github.com/gofiber/fiber/v2 may not be imported here"},
		"Fiber elsewhere in tenants":       {"tenants/access.go", source("tenants", "github.com/gofiber/fiber/v2/utils"), "may not be imported here"},
		"huma in an aggregate":             {"modules/user/rules.go", source("user", "github.com/danielgtaylor/huma/v2"), "may not be imported here"},
		"GORM in an aggregate":             {"modules/user/rules.go", source("user", "gorm.io/gorm"), "the library gorm.io/gorm may not be imported here"},
		"GORM in a route":                  {"modules/user/graphql.go", source("user", "gorm.io/gorm/clause"), "may not be imported here"},
		"GORM in the app":                  {"app/a.go", source("app", "gorm.io/gorm"), "may not be imported here"},
		"GORM in the workers":              {"workers/a.go", source("workers", "gorm.io/driver/postgres"), "may not be imported here"},
		"GORM through a scope, in a route": {"modules/user/graphql.go", "package user\n\nimport \"github.com/tenantry/tenantry/tenants\"\n\nfunc f(tx *tenants.Tx) { tx.DB.Exec(`delete from users`) }", "Tx.DB may not be used here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireCaught(t, test.file, test.text, test.want)
		})
	}
}

func TestPlantedChangesOfAggregatesAreCaught(t *testing.T) {
	t.Parallel()
	const field, whole, literal = "User.Name is assigned here", "a whole User is assigned here", "a User is made here with fields"
	for name, test := range map[string]struct{ file, text, want string }{
		"in another file":        {"modules/user/service.go", verb("func f(u *User) { u.Name = `x` }"), field},
		"of a value":             {"modules/user/service.go", verb("func f() { var u User; u.Name = `x` }"), field},
		"of what a call returns": {"modules/user/service.go", verb("func f() { u := New(`i`, `n`); u.Name = `x` }"), field},
		"in a list":              {"modules/user/service.go", verb("func f(us []*User) { us[0].Name = `x` }"), field},
		"in a loop":              {"modules/user/service.go", verb("func f(us []*User) { for _, u := range us { u.Name += `x` } }"), field},
		"by a loop":              {"modules/user/service.go", verb("func f(u *User) { for _, u.Name = range []string{`x`} { } }"), field},
		"among others":           {"modules/user/service.go", verb("func f(u *User) { var x int; x, u.Name = 1, `x`; _ = x }"), field},
		"by its address":         {"modules/user/service.go", verb("func f(u *User) *string { return &u.Name }"), field},
		"of an element":          {"modules/user/service.go", verb("func f(u *User) { u.Tags[0] = `x` }"), "User.Tags is assigned here"},
		"in a closure":           {"modules/user/service.go", verb("func f(u *User) func() { return func() { (u.Name) = `x` } }"), field},
		"in a test":              {"modules/user/more_test.go", "package user_test\n\nimport \"github.com/tenantry/tenantry/modules/user\"\n\nfunc f(u *user.User) { u.Name = `x` }", field},
		"in an inner test":       {"modules/user/more_test.go", verb("func f(u *User) { u.Name = `x` }"), field},
		"in another package":     {"bench/a.go", elsewhere("func f(u *user.User) { u.Name = `x` }"), field},
		"through an alias":       {"bench/a.go", elsewhere("type person = user.User\n\nfunc f(u *person) { u.Name = `x` }"), field},
		"under another name":     {"bench/a.go", elsewhere("type person user.User\n\nfunc f(u *person) { u.Name = `x` }"), field},
		"embedded":               {"bench/a.go", elsewhere("type more struct{ *user.User }\n\nfunc f(m more) { m.Name = `x` }"), field},
		"as a whole":             {"modules/user/service.go", verb("func f(u, other *User) { *u = *other }"), whole},
		"made with fields":       {"modules/user/service.go", verb("func f() *User { return &User{Name: `x`} }"), literal},
		"made in another":        {"bench/a.go", elsewhere("func f() []user.User { return []user.User{{Name: `x`}} }"), literal},
		"its version":            {"modules/user/service.go", verb("func f(u *User) { u.LockVersion++ }"), "Root.LockVersion is assigned here"},
		"its version by a verb":  {"modules/user/user.go", userGo + "\nfunc (u *User) Skip() { u.LockVersion = 9 }", "Root.LockVersion is assigned here"},
		"its root's version":     {"modules/user/service.go", verb("func f(u *User) { u.AggregateRoot().LockVersion = 9 }"), "Root.LockVersion is assigned here"},
		"a root with fields":     {"bench/a.go", elsewhere("var r = aggregate.Root{ID: `x`}"), "a Root is made here with fields"},
		"in the outbox":          {"modules/outbox/read.go", "package outbox\n\nimport \"github.com/tenantry/tenantry/app/aggregate\"\n\nfunc f(r *aggregate.Root) { r.ID = `x` }", "Root.ID is assigned here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireCaught(t, test.file, test.text, test.want)
		})
	}
}

func TestPlantedSQLIsCaught(t *testing.T) {
	t.Parallel()
	const sticky, star = "is set for the session", "all columns are selected"
	for text, want := range map[string]string{
		"set search_path = x":                             sticky,
		"begin; SET\tsearch_path TO x":                    sticky,
		"set session search_path = x":                     sticky,
		"set role ":                                       sticky,
		"select 1; set role x":                            sticky,
		"set session authorization x":                     sticky,
		"alter role x set search_path = y":                sticky,
		"select set_config('search_path', 'x', false)":    sticky,
		"select pg_catalog.set_config( 'role', $1, true)": sticky,
		"search_path":                                     sticky,
		"postgres://h/d?options=-csearch_path%3Dx":        sticky,
		"postgres://h/d?sslmode=off&search_path=x":        sticky,
		"select * from users":                             star,
		"SELECT\n\t* FROM users":                          star,
		"select distinct * from users":                    star,
		"select *":                                        star,
		"select u.* from users u":                         star,
		"select 1, u.* from users as u":                   star,
		"insert into users (id) values ($1) returning *":  star,
		"with a as (select 1) select * from users":        star,
		"delete from users u returning u.*":               star,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			requireCaught(t, "modules/user/service.go", "package user\n\nvar sql = `"+text+"`", want)
		})
	}
	for text, want := range map[string]string{
		"set search_path = x;":             sticky,
		"select 1; set role x;":            sticky,
		"alter role x set search_path = y": sticky,
		"create view v as select * from t": star,
	} {
		t.Run("migration: "+text, func(t *testing.T) {
			t.Parallel()
			requireCaught(t, "migrations/tenant/2.sql", text, want)
		})
	}
}

func TestARuleWhoseFolderIsGoneIsFound(t *testing.T) {
	t.Parallel()
	unused, err := archtest.Unused(plant(nil), house())
	require.NoError(t, err)
	require.Contains(t, unused, "app/apptest")
	require.NotContains(t, unused, "modules/*")
}
