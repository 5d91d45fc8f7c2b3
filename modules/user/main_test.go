package user_test

import (
	"os"
	"testing"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/modules/user"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, build)) }

// build is the program with the user module alone, and the outbox that carries its events.
func build(env module.Env) (module.Set, error) { return outbox.Join(env, user.Module(env)), nil }
