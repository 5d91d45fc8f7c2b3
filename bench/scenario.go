package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"time"
)

// scenario is one thing to measure: a file of its own.
type scenario struct {
	name string
	// spare is how many idle tenants it needs beside those that are counted.
	spare int
	// once means one round at the largest count only.
	once bool
	// virtual means that it needs no tenants on the servers.
	virtual bool
	// conditions say how it is measured.
	conditions func(p plan) []string
	// round measures everything once, what is compared side by side.
	round func(ctx context.Context, l *lab) error
}

// scenarios are in the order in which they are measured.
func scenarios() []scenario {
	return []scenario{
		onboardingScenario(), idleScenario(), drainScenario(), pinnedScenario(), processesScenario(),
		latencyScenario(), starvationScenario(), fairnessScenario(), discoveryScenario(),
		writeScenario(), outageScenario(), simulateScenario(),
	}
}

func names() []string {
	known := scenarios()
	all := make([]string, len(known))
	for i, s := range known {
		all[i] = s.name
	}
	return all
}

// lab is the world at one count of tenants, as a scenario sees it.
type lab struct {
	*world

	plan   plan
	report *report
	// tenants share the load; spares are idle beside them.
	tenants, spares []tenant
}

// add notes a measurement at this count of tenants.
func (l *lab) add(name, unit string, value float64) { l.compare(name, unit, "", value) }

// compare notes a measurement beside another one of the same round.
func (l *lab) compare(name, unit, beside string, value float64) {
	l.report.add(measurement{Name: name, Unit: unit, Beside: beside, Tenants: len(l.tenants)}, value)
}

// run measures at each count of tenants, each scenario in rounds. One that fails does not cost the figures
// of the others.
func (p plan) run(ctx context.Context) (r *report, err error) {
	r = &report{Conditions: p.conditions()}
	w, err := openWorld(ctx, p.data)
	if err != nil {
		return r, err
	}
	defer w.close()
	r.Conditions = append(r.Conditions, w.conditions(ctx)...)
	stop, err := p.profile()
	if err != nil {
		return r, err
	}
	defer stop()
	schedule := p.schedule()
	var failures []error
	for i, task := range schedule {
		share := time.Until(w.opened.Add(p.budget)) / time.Duration(len(schedule)-i)
		if err := p.repeat(ctx, w, r, task, share); err != nil {
			failures = append(failures, fmt.Errorf("measure %s with %d tenants: %w", task.name, task.tenants, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.finish()
	return r, errors.Join(failures...)
}

// task is a scenario at one count of tenants.
type task struct {
	scenario

	tenants int
}

// schedule goes through the counts upwards, because tenants are added between them and never removed.
func (p plan) schedule() []task {
	var all []task
	for i, n := range p.tenants {
		for _, s := range scenarios() {
			chosen := len(p.only) == 0 || slices.Contains(p.only, s.name)
			if chosen && (!s.once || i == len(p.tenants)-1) {
				all = append(all, task{s, n})
			}
		}
	}
	return all
}

// repeat measures in rounds: at least one, and as many as were asked for if its share of the budget allows.
func (p plan) repeat(ctx context.Context, w *world, r *report, t task, share time.Duration) error {
	if t.virtual {
		return t.round(ctx, &lab{world: w, plan: p, report: r, tenants: make([]tenant, t.tenants)})
	}
	if err := w.grow(ctx, r, t.tenants+t.spare); err != nil {
		return err
	}
	l := &lab{world: w, plan: p, report: r, tenants: w.all[:t.tenants], spares: w.all[t.tenants : t.tenants+t.spare]}
	rounds := p.rounds
	if t.once {
		rounds = 1
	}
	began := time.Now()
	for done := range rounds {
		if spent := time.Since(began); done > 0 && spent+spent/time.Duration(done) > share {
			return nil
		}
		if err := t.round(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// profile begins to write a CPU profile, if one is wanted.
func (p plan) profile() (stop func(), err error) {
	if p.cpuProfile == "" {
		return func() {}, nil
	}
	file, err := os.Create(p.cpuProfile)
	if err != nil {
		return nil, fmt.Errorf("write the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("begin the profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}
