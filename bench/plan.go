package bench

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/fault"
)

// plan is what a run measures, and how much of it.
type plan struct {
	tenants                                      []int // ascending
	events, eventsTotal, rounds, rate, neighbour int
	duration, outage, budget                     time.Duration
	only                                         []string
	data, cpuProfile                             string
}

const (
	// most bounds a single measurement, whatever it waits for.
	most = time.Minute
	// mostTenants bounds a count.
	mostTenants = 20_000
)

// planOf reads the flags. What --quick makes small, a flag that is given still decides.
func planOf(flags *pflag.FlagSet) (plan, error) {
	if quick, _ := flags.GetBool("quick"); quick {
		if err := shrink(flags); err != nil {
			return plan{}, err
		}
	}
	var p plan
	p.tenants, _ = flags.GetIntSlice("tenants")
	p.events, _ = flags.GetInt("events")
	p.eventsTotal, _ = flags.GetInt("events-total")
	p.rounds, _ = flags.GetInt("rounds")
	p.rate, _ = flags.GetInt("rate")
	p.neighbour, _ = flags.GetInt("neighbour")
	p.duration, _ = flags.GetDuration("duration")
	p.outage, _ = flags.GetDuration("outage")
	p.budget, _ = flags.GetDuration("budget")
	p.only, _ = flags.GetStringSlice("only")
	p.data, _ = flags.GetString("data")
	p.cpuProfile, _ = flags.GetString("cpuprofile")
	slices.Sort(p.tenants)
	p.tenants = slices.Compact(p.tenants)
	return p, p.check()
}

// shrink sets what the user left open to what a quick look needs.
func shrink(flags *pflag.FlagSet) error {
	for name, value := range map[string]string{
		"tenants": "20", "events": "500", "events-total": "5000", "duration": "1s", "rounds": "1",
		"rate": "200", "neighbour": "20000", "outage": "3s", "budget": "30s",
	} {
		if flags.Changed(name) {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return fault.New(fault.Internal, "flag", "--quick cannot set --%s", name).Because(err)
		}
	}
	return nil
}

func (p plan) check() error {
	for _, name := range p.only {
		if !slices.Contains(names(), name) {
			return invalid("only", "names some of %s, and not %q", strings.Join(names(), ", "), name)
		}
	}
	if len(p.tenants) == 0 || p.tenants[0] < 1 || p.tenants[len(p.tenants)-1] > mostTenants {
		return invalid("tenants", "must be counts of 1 to %d, separated by commas", mostTenants)
	}
	for name, n := range map[string]int{
		"events": p.events, "events-total": p.eventsTotal, "rounds": p.rounds, "rate": p.rate, "neighbour": p.neighbour,
	} {
		if n < 1 {
			return invalid(name, "must be at least 1")
		}
	}
	for name, d := range map[string]time.Duration{"duration": p.duration, "outage": p.outage, "budget": p.budget} {
		if d < time.Second || d > longest(name) {
			return invalid(name, "must be 1s to %s", longest(name))
		}
	}
	return nil
}

// longest bounds what a flag may say.
func longest(flag string) time.Duration {
	switch flag {
	case "duration":
		return most
	case "outage":
		return 10 * most
	default:
		return 24 * time.Hour
	}
}

// settle is how long something that was started is left alone before it is looked at.
func (p plan) settle() time.Duration { return min(p.duration, 3*time.Second) }

// backlog is how many events each of n tenants has in a drain.
func (p plan) backlog(n int) int { return max(min(p.events, p.eventsTotal/n), 1) }

func invalid(flag, format string, args ...any) error {
	return fault.New(fault.Invalid, "flag", "--"+flag+" "+format, args...)
}
