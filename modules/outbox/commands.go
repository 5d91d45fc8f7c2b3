package outbox

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/app/rest"
)

// Commands are the operator's verbs at a terminal: the same services as the admin API.
func Commands() []module.Command {
	return []module.Command{
		statusCommand(), explainCommand(), failedCommand(), replayCommand(), skipCommand(), republishCommand(),
		pauseCommand("pause", "Stop publishing a tenant's events; they are still recorded, and wait", true),
		pauseCommand("resume", "Go on publishing a tenant's events", false),
		attemptsCommand(), handlersCommand(),
	}
}

func statusCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "status"}, Short: "Show how far publishing is, for every tenant",
		Example: "tenantry outbox status",
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			service, all := serviceOf(env), StatusPage{}
			for filter := (StatusFilter{Limit: rest.MaxLimit}); ; {
				page, err := service.Status(ctx, call.Actor, filter)
				if err != nil {
					return module.Result{}, err
				}
				all.Tenants = append(all.Tenants, page.Tenants...)
				all.Unavailable = append(all.Unavailable, page.Unavailable...)
				if filter.Cursor = page.Next; filter.Cursor == "" {
					return showStatus(all, env.Clusters.Home().Now()), nil
				}
			}
		},
	}
}

// failedLimit is how many deliveries the command shows unless it is told otherwise.
const failedLimit = 1000

func failedCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "failed"}, Short: "List what is not tried again by itself",
		Example: "tenantry outbox failed --tenant acme",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("tenant", "", "the tenant's slug")
			flags.String("handler", "", "only this handler's, or broker for what the broker refused")
			flags.String("status", Failed, "failed, retrying or waiting")
			flags.Int("limit", failedLimit, "how many at most")
		},
		Run: runFailed,
	}
}

func runFailed(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
	in := read(call, env)
	tenant, handler, status, limit := in.required("tenant"), in.text("handler"), in.text("status"), in.positive("limit")
	if err := in.err(); err != nil {
		return module.Result{}, err
	}
	filter := DeliveryFilter{Status: status, Handler: handler}
	var all DeliveryPage
	for {
		filter.Limit = min(limit-len(all.Deliveries), rest.MaxLimit)
		page, err := serviceOf(env).Deliveries(ctx, call.Actor, tenant, filter)
		if err != nil {
			return module.Result{}, err
		}
		all.Deliveries, all.Next = append(all.Deliveries, page.Deliveries...), page.Next
		if filter.Cursor = page.Next; filter.Cursor == "" || len(all.Deliveries) >= limit {
			return showDeliveries(all), nil
		}
	}
}

func replayCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "replay"}, Short: "Try again what failed for good",
		Example: "tenantry outbox replay --tenant acme --all --since 2h",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("tenant", "", "the tenant's slug")
			flags.StringSlice("event", nil, "the id of an event; may be repeated")
			flags.Bool("all", false, "everything that the other flags allow")
			flags.String("handler", "", "only this handler's, or broker for what the broker refused")
			flags.String("since", "", "only what failed since then: a time as in RFC 3339, or a duration like 2h")
			flags.String("until", "", "only what failed before then, likewise")
		},
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			tenant := in.required("tenant")
			selection := Selection{
				EventIDs: in.texts("event"), All: in.isSet("all"), Handler: in.text("handler"),
				From: in.time("since"), To: in.time("until"),
			}
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			replayed, err := serviceOf(env).Replay(ctx, call.Actor, tenant, selection)
			if err != nil {
				return module.Result{}, err
			}
			return module.Result{
				JSON:    replayBody{Replayed: replayed},
				Message: fmt.Sprintf("Dead deliveries that are tried again: %d.", replayed),
			}, nil
		},
	}
}

func skipCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "skip"}, Short: "Give a delivery up: the handler never gets the event",
		Example: "tenantry outbox skip --tenant acme --event 01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11 --handler broker",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("tenant", "", "the tenant's slug")
			flags.String("event", "", "the event's id")
			flags.String("handler", "", "the handler, or broker")
		},
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			tenant, event, handler := in.required("tenant"), in.required("event"), in.required("handler")
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			skipped, err := serviceOf(env).Skip(ctx, call.Actor, tenant, event, handler)
			if err != nil {
				return module.Result{}, err
			}
			return module.Result{
				JSON:    skipBodyOf(skipped),
				Message: fmt.Sprintf("%s does not get the event; the event is %s now.", handler, skipped.EventStatus),
			}, nil
		},
	}
}

func republishCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "republish"}, Short: "Send to the broker once more what it may have lost",
		Example: "tenantry outbox republish --tenant acme --since 10m",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("tenant", "", "the tenant's slug")
			flags.String("since", "", "what was sent since then: a time as in RFC 3339, or a duration like 2h")
			flags.String("until", "", "what was sent before then, likewise; now when absent")
		},
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			tenant, period := in.required("tenant"), Period{}
			in.required("since")
			if since := in.time("since"); since != nil {
				period.Since = *since
			}
			if until := in.time("until"); until != nil {
				period.Until = *until
			}
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			republished, err := serviceOf(env).Republish(ctx, call.Actor, tenant, period)
			if err != nil {
				return module.Result{}, err
			}
			return module.Result{
				JSON:    republishBody{Republished: republished},
				Message: fmt.Sprintf("Events that go to the broker once more: %d.", republished),
			}, nil
		},
	}
}

func serviceOf(env module.Env) *Service {
	return NewService(env.Clusters, env.Tenants, env.Handlers...)
}
