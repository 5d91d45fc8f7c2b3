package bench

import (
	"context"
	"fmt"
	"slices"
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
		Example:    "tenantry bench --tenants 10 --events 200 --duration 1s --rounds 1",
		Standalone: true,
		Flags: func(flags *pflag.FlagSet) {
			flags.Int("tenants", 100, "tenants that share the load")
			flags.Int("events", 2000, "backlog of each tenant in a drain")
			flags.Duration("duration", 10*time.Second, "how long the write path is measured")
			flags.Int("rounds", 3, "how often everything is measured; medians are shown")
			flags.Int("rate", 500, "events a second in the measurement of latency")
			flags.Int("neighbour", 500_000, "backlog of the one tenant that the others are measured behind")
			flags.StringSlice("only", nil, "what to measure: drain, write, latency (default: all)")
		},
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

// plan is what a run measures.
type plan struct {
	tenants, events, rounds, rate, neighbour int
	duration                                 time.Duration
	only                                     []string
}

func planOf(flags *pflag.FlagSet) (plan, error) {
	var p plan
	p.tenants, _ = flags.GetInt("tenants")
	p.events, _ = flags.GetInt("events")
	p.rounds, _ = flags.GetInt("rounds")
	p.duration, _ = flags.GetDuration("duration")
	p.rate, _ = flags.GetInt("rate")
	p.neighbour, _ = flags.GetInt("neighbour")
	p.only, _ = flags.GetStringSlice("only")
	return p, p.check()
}

// kinds are what can be measured, in the order in which it is.
func kinds() []string { return []string{"drain", "write", "latency"} }

func (p plan) check() error {
	for _, name := range p.only {
		if !slices.Contains(kinds(), name) {
			return invalid("only", "names some of %s, and not %q", strings.Join(kinds(), ", "), name)
		}
	}
	switch {
	case p.tenants < 1 || p.tenants > 10_000:
		return invalid("tenants", "must be 1 to 10000")
	case p.events < 1:
		return invalid("events", "must be at least 1")
	case p.rounds < 1:
		return invalid("rounds", "must be at least 1")
	case p.rate < 1 || p.neighbour < 1:
		return invalid("rate", "and --neighbour must be at least 1")
	case p.duration < time.Second:
		return invalid("duration", "must be at least 1s")
	}
	return nil
}

// run measures in rounds, what is compared always side by side in each.
func (p plan) run(ctx context.Context) (*report, error) {
	r := &report{Conditions: p.conditions()}
	w, err := openWorld(ctx, false)
	if err != nil {
		return r, err
	}
	defer w.close()
	took, err := w.onboard(ctx, p.tenants)
	if err != nil {
		return r, err
	}
	r.Conditions = append(r.Conditions, w.conditions(ctx)...)
	r.add("onboarding", "tenants/s", "", 0, float64(p.tenants)/took.Seconds())
	measure := map[string]func(context.Context, *world, *report) error{
		"drain": p.drainRound, "write": p.writeRound, "latency": p.latencyRound,
	}
	for range p.rounds {
		for _, kind := range kinds() {
			if len(p.only) > 0 && !slices.Contains(p.only, kind) {
				continue
			}
			if err := measure[kind](ctx, w, r); err != nil {
				return r, fmt.Errorf("measure %s: %w", kind, err)
			}
		}
	}
	r.finish()
	return r, nil
}
