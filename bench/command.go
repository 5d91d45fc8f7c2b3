package bench

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
)

// Commands is the program's bench command.
func Commands() []module.Command {
	return []module.Command{{
		Path:       []string{"bench"},
		Short:      "Measure the program beside what it is compared to, on servers of its own",
		Example:    "tenantry bench --quick\ntenantry bench --only drain,latency --tenants 10,100,1000 --json",
		Standalone: true,
		Flags:      declare,
		Run: func(ctx context.Context, _ module.Env, call module.Call) (module.Result, error) {
			plan, err := planOf(call.Flags)
			if err != nil {
				return module.Result{}, err
			}
			report, err := plan.run(ctx)
			return report.result(), err
		},
	}, plotCommand()}
}

func declare(flags *pflag.FlagSet) {
	flags.IntSlice("tenants", []int{100, 1000}, "how many tenants share the load; everything is measured at each count")
	flags.Int("events", 2000, "backlog of each tenant in a drain")
	flags.Int("events-total", 100_000, "most events of a drain, over all of its tenants")
	flags.Duration("duration", 5*time.Second, "how long a steady load lasts")
	flags.Int("rounds", 3, "how often everything is measured, if the budget allows; medians are shown")
	flags.Int("rate", 1000, "events a second in the measurements of latency and outage")
	flags.Int("neighbour", 1_000_000, "backlog of the one tenant that the others are measured behind")
	flags.Duration("outage", time.Minute, "how long the broker is away")
	flags.Duration("budget", 8*time.Minute, "time that more rounds than one must fit into; everything is measured once whatever it takes")
	flags.StringSlice("only", nil, "what to measure: "+strings.Join(names(), ", ")+" (default: all)")
	flags.Bool("quick", false, "small counts and one round, for a look in less than two minutes")
	flags.String("data", "", "keep the servers' files in this folder and use its tenants again (default: a new folder, removed afterwards)")
	flags.String("cpuprofile", "", "write a profile of this process's CPU time to a file")
}
