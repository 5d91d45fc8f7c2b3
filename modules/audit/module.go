package audit

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/app/module"
)

// Module is the audit module's table of contents.
func Module(module.Env) module.Module {
	service := NewService()
	return module.Module{
		Name:   "audit",
		Routes: func(api huma.API) { routes(api, service) },
	}
}
