package tenants

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

var errNoToken = errors.New("tenants: the request has no bearer token")

// TenantAccess lets in who has a token of an active tenant, and leaves the actor and the tenant's scope
// in the request's context, where Access finds them.
func TenantAccess(config AccessConfig) fiber.Handler {
	checks := newActorChecks(config)
	return func(c *fiber.Ctx) error {
		token, err := bearer(c)
		if err != nil {
			return err
		}
		admitted, err := config.admit(c.UserContext(), checks, token)
		if err != nil {
			return err
		}
		c.SetUserContext(context.WithValue(c.UserContext(), accessKey, admitted))
		return c.Next()
	}
}

// OperatorAccess lets in who has an operator's token, and leaves the actor in the request's context,
// where OperatorFrom finds it.
func OperatorAccess(config AccessConfig) fiber.Handler {
	return func(c *fiber.Ctx) error {
		token, err := bearer(c)
		if err != nil {
			return err
		}
		actor, err := config.admitOperator(c.UserContext(), token)
		if err != nil {
			return err
		}
		c.SetUserContext(context.WithValue(c.UserContext(), operatorKey, actor))
		return c.Next()
	}
}

// bearer returns the request's token. It is a copy, because Fiber uses the memory of a request's header
// again for the next one.
func bearer(c *fiber.Ctx) (string, error) {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", unauthenticated(errNoToken)
	}
	return utils.CopyString(strings.TrimSpace(token)), nil
}
