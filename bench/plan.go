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

// most bounds a single measurement, whatever it waits for.
const most = time.Minute

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
	switch {
	case len(p.tenants) == 0 || p.tenants[0] < 1 || p.tenants[len(p.tenants)-1] > 20_000:
		return invalid("tenants", "must be counts of 1 to 20000, separated by commas")
	case p.events < 1 || p.eventsTotal < 1:
		return invalid("events", "and --events-total must be at least 1")
	case p.rounds < 1:
		return invalid("rounds", "must be at least 1")
	case p.rate < 1 || p.neighbour < 1:
		return invalid("rate", "and --neighbour must be at least 1")
	case p.duration < time.Second || p.duration > most:
		return invalid("duration", "must be 1s to %s", most)
	case p.outage < time.Second || p.outage > 10*most:
		return invalid("outage", "must be 1s to %s", 10*most)
	case p.budget <= 0:
		return invalid("budget", "must be positive")
	}
	return nil
}

// settle is how long something that was started is left alone before it is looked at.
func (p plan) settle() time.Duration { return min(p.duration, 3*time.Second) }

// backlog is how many events each of n tenants has in a drain.
func (p plan) backlog(n int) int { return max(min(p.events, p.eventsTotal/n), 1) }

func invalid(flag, format string, args ...any) error {
	return fault.New(fault.Invalid, "flag", "--"+flag+" "+format, args...)
}
