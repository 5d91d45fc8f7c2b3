// Package chaos is the fault test: it ends, freezes and restarts the program's parts and servers under
// load, and then compares every committed event with what came out at the other end.
//
// The workers and the broker are processes of their own, which are this program once more, so that they
// can really be killed. The API and its clients live in the run's own process.
package chaos

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
)

// Commands is the program's fault test.
func Commands() []module.Command {
	return []module.Command{{
		Path:       []string{"bench", "chaos"},
		Short:      "Disturb the program under load, and compare every committed event with what came out",
		Example:    "tenantry bench chaos --duration 1m --tenants 50 --seed 7\ntenantry bench chaos --seed 7 --dry-run",
		Standalone: true,
		Flags: func(flags *pflag.FlagSet) {
			defaults := Config{}.withDefaults()
			flags.Uint64("seed", 1, "makes the schedule of the faults; the same seed makes the same one")
			flags.Duration("duration", defaults.Duration, "how long load and faults go on")
			flags.Int("tenants", defaults.Tenants, "tenants at the beginning")
			flags.Int("workers", defaults.Workers, "worker processes")
			flags.Int("rate", defaults.Rate, "writes a second that clients try")
			flags.Duration("pause", defaults.Pause, "mean time between the beginnings of two faults")
			flags.Bool("unsynced", false, "let PostgreSQL not sync its commits; on a slow disk its recoveries are shorter")
			flags.Bool("dry-run", false, "print the schedule of the faults and do nothing")
		},
		Run: func(ctx context.Context, _ module.Env, call module.Call) (module.Result, error) {
			config, dry := configOf(call.Flags)
			if err := config.check(); err != nil {
				return module.Result{}, err
			}
			if dry {
				return planned(config.schedule()), nil
			}
			report, err := Run(ctx, config)
			if err != nil {
				return module.Result{}, err
			}
			return report.result(), nil
		},
	}}
}

func configOf(flags *pflag.FlagSet) (config Config, dry bool) {
	config.Seed, _ = flags.GetUint64("seed")
	config.Duration, _ = flags.GetDuration("duration")
	config.Tenants, _ = flags.GetInt("tenants")
	config.Workers, _ = flags.GetInt("workers")
	config.Rate, _ = flags.GetInt("rate")
	config.Pause, _ = flags.GetDuration("pause")
	config.Unsynced, _ = flags.GetBool("unsynced")
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	dry, _ = flags.GetBool("dry-run")
	return config.withDefaults(), dry
}

// planned shows a schedule.
func planned(faults []Fault) module.Result {
	type line struct {
		At   string `json:"at"`
		Kind Kind   `json:"kind"`
		For  string `json:"for"`
	}
	lines := make([]line, len(faults))
	result := module.Result{JSON: lines, Columns: []string{"at", "fault", "for"}}
	for i, f := range faults {
		lines[i] = line{shown(f.At), f.Kind, shown(f.For)}
		result.Rows = append(result.Rows, []string{lines[i].At, string(f.Kind), lines[i].For})
	}
	return result
}

func shown(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
