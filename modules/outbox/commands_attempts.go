package outbox

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/app/rest"
)

func attemptsCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "attempts"}, Short: "List the failed attempts of an event",
		Example: "tenantry outbox attempts --tenant acme --event 01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("tenant", "", "the tenant's slug")
			flags.String("event", "", "the event's id")
		},
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			tenant, event := in.required("tenant"), in.required("event")
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			var all AttemptPage
			for filter := (AttemptFilter{Limit: rest.MaxLimit}); ; {
				page, err := serviceOf(env).Attempts(ctx, call.Actor, tenant, event, filter)
				if err != nil {
					return module.Result{}, err
				}
				all.Attempts = append(all.Attempts, page.Attempts...)
				if filter.Cursor = page.Next; filter.Cursor == "" {
					return showAttempts(all), nil
				}
			}
		},
	}
}

func showAttempts(page AttemptPage) module.Result {
	result := module.Result{
		JSON: attemptsBodyOf(page), Columns: []string{"handler", "attempt", "started", "took", "error"},
	}
	for _, a := range page.Attempts {
		result.Rows = append(result.Rows, []string{
			a.Handler, strconv.Itoa(a.Attempt), a.StartedAt.UTC().Format(time.RFC3339),
			roughly(time.Duration(a.TookMS * float64(time.Millisecond))), orDash(a.Error),
		})
	}
	return result
}

func handlersCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "handlers"}, Short: "List the handlers, and which of them are paused",
		Example: "tenantry outbox handlers",
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			list, err := serviceOf(env).Handlers(ctx, call.Actor)
			if err != nil {
				return module.Result{}, err
			}
			return showHandlers(list), nil
		},
	}
}

func showHandlers(list HandlerList) module.Result {
	result := module.Result{JSON: handlersBodyOf(list), Columns: []string{"handler", "events", "destination", "paused"}}
	for _, h := range list.Handlers {
		paused, events := "no", strings.Join(h.Events, ", ")
		if h.PausedAt != nil {
			paused = "since " + h.PausedAt.UTC().Format(time.RFC3339) + " on " + strings.Join(h.PausedOn, ", ")
		}
		if !h.Registered {
			events = "not registered"
		}
		result.Rows = append(result.Rows, []string{h.Name, events, orDash(h.Destination), paused})
	}
	for _, cluster := range list.Unavailable {
		result.Notes = append(result.Notes, "Cluster "+cluster+" does not answer; what is paused there is not known.")
	}
	return result
}
