package bench

import (
	"context"
	"fmt"
	"slices"
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
			flags.StringSlice("only", nil, "what to measure: drain, write (default: both)")
		},
		Run: func(ctx context.Context, _ module.Env, call module.Call) (module.Result, error) {
			plan, err := planOf(call.Flags)
			if err != nil {
				return module.Result{}, err
			}
			report, err := plan.run(ctx)
			return report.result(), err
		},
	}}
}

// plan is what a run measures.
type plan struct {
	tenants, events, rounds int
	duration                time.Duration
	drain, write            bool
}

func planOf(flags *pflag.FlagSet) (plan, error) {
	var p plan
	p.tenants, _ = flags.GetInt("tenants")
	p.events, _ = flags.GetInt("events")
	p.rounds, _ = flags.GetInt("rounds")
	p.duration, _ = flags.GetDuration("duration")
	only, _ := flags.GetStringSlice("only")
	p.drain = len(only) == 0 || slices.Contains(only, "drain")
	p.write = len(only) == 0 || slices.Contains(only, "write")
	return p, p.check(only)
}

func (p plan) check(only []string) error {
	for _, name := range only {
		if name != "drain" && name != "write" {
			return invalid("only", "names drain, write or both, and not %q", name)
		}
	}
	switch {
	case p.tenants < 1 || p.tenants > 10_000:
		return invalid("tenants", "must be 1 to 10000")
	case p.events < 1:
		return invalid("events", "must be at least 1")
	case p.rounds < 1:
		return invalid("rounds", "must be at least 1")
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
	for range p.rounds {
		if p.drain {
			if err := p.drainRound(ctx, w, r); err != nil {
				return r, fmt.Errorf("measure the drain: %w", err)
			}
		}
		if p.write {
			if err := p.writeRound(ctx, w, r); err != nil {
				return r, fmt.Errorf("measure the write path: %w", err)
			}
		}
	}
	r.finish()
	return r, nil
}
