package outbox

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
)

// pauseCommand is about a tenant or about a handler, and never about both: a handler is paused for all.
func pauseCommand(word, short string, paused bool) module.Command {
	return module.Command{
		Path: []string{"outbox", word}, Arguments: "[SLUG]", Short: short + "; with --handler one handler's calls",
		Example: "tenantry outbox " + word + " acme",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("handler", "", "a handler, for all tenants of all clusters, instead of a tenant")
		},
		Check: oneOfSlugAndHandler,
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			handler := in.text("handler")
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			if handler != "" {
				return runHandlerPause(ctx, serviceOf(env), call, handler, paused)
			}
			return runPause(ctx, serviceOf(env), call, paused)
		},
	}
}

func oneOfSlugAndHandler(call module.Call) error {
	handler, err := call.Flags.GetString("handler")
	if err != nil {
		return fmt.Errorf("read the command's flags: %w", err)
	}
	if (len(call.Args) == 1) != (handler != "") {
		return nil
	}
	return fault.New(fault.Invalid, "usage", "Name either a tenant by its SLUG, or a handler with --handler.")
}

func runPause(ctx context.Context, service *Service, call module.Call, paused bool) (module.Result, error) {
	verb, message := service.Resume, "Publishing for %s goes on."
	if paused {
		verb = service.Pause
		message = "Publishing for %s is paused: the worker stops with its next renewal, within seconds."
	}
	tenant, err := verb(ctx, call.Actor, call.Args[0])
	if err != nil {
		return module.Result{}, err
	}
	return module.Result{
		JSON: pauseBody{Slug: tenant.Slug, Paused: paused}, Message: fmt.Sprintf(message, tenant.Slug),
	}, nil
}

func runHandlerPause(
	ctx context.Context, service *Service, call module.Call, handler string, paused bool,
) (module.Result, error) {
	verb, message := service.ResumeHandler, "The handler %s goes on with what has waited, within seconds."
	if paused {
		verb, message = service.PauseHandler, "The handler %s is paused for all tenants: workers stop calling it within seconds."
	}
	if err := verb(ctx, call.Actor, handler); err != nil {
		return module.Result{}, err
	}
	return module.Result{
		JSON: handlerPauseBody{Handler: handler, Paused: paused}, Message: fmt.Sprintf(message, handler),
	}, nil
}
