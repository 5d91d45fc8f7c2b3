// Package modules is the list of modules.
package modules

import (
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/audit"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/modules/user"
)

// Build joins all modules over what a process has opened.
func Build(env module.Env) (module.Set, error) {
	return outbox.Join(env, user.Module(env), audit.Module(env)), nil
}

// Commands are the commands that modules bring.
func Commands() []module.Command { return outbox.Commands() }
