package outbox

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/app/rest"
)

// worstLimit is how many of the worst tenants the command shows unless it is told otherwise.
const worstLimit = 20

func statusCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "status"}, Short: "Show how far publishing is, for every tenant or the worst ones",
		Example: "tenantry outbox status --sort oldest --limit 20",
		Flags: func(flags *pflag.FlagSet) {
			flags.String("sort", "", "only the worst tenants: by oldest (event that waits), backlog, or visited (longest ago)")
			flags.Int("limit", worstLimit, "how many of the worst, at most 200; without --sort all tenants are shown")
		},
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			filter := StatusFilter{Limit: rest.MaxLimit, Sort: in.text("sort")}
			if limit := in.positive("limit"); filter.Sort != "" {
				filter.Limit = limit
			}
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			page, err := allStatus(ctx, serviceOf(env), call, filter)
			if err != nil {
				return module.Result{}, err
			}
			return showStatus(page, env.Clusters.Home().Now()), nil
		},
	}
}

// allStatus reads page after page.
func allStatus(ctx context.Context, service *Service, call module.Call, filter StatusFilter) (all StatusPage, err error) {
	for {
		page, err := service.Status(ctx, call.Actor, filter)
		if err != nil {
			return StatusPage{}, err
		}
		all.Tenants = append(all.Tenants, page.Tenants...)
		all.Unavailable = append(all.Unavailable, page.Unavailable...)
		if filter.Cursor = page.Next; filter.Cursor == "" {
			return all, nil
		}
	}
}
