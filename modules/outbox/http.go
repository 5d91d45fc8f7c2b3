package outbox

import "github.com/danielgtaylor/huma/v2"

// adminRoutes are the operations for operators.
func adminRoutes(service *Service) func(huma.API) {
	return func(api huma.API) { _ = service }
}
