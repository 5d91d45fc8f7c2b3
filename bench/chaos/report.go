package chaos

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"

	"github.com/tenantry/tenantry/app/module"
)

// Report is what a run has found.
type Report struct {
	// OK says that no defect was found.
	OK bool `json:"ok"`
	// Conditions say where and how it was run.
	Conditions []string `json:"conditions"`
	// Seed made the schedule.
	Seed uint64 `json:"seed"`
	// Schedule is the faults, a line for each.
	Schedule []string `json:"schedule"`
	// Injected is how many faults of each kind there were.
	Injected map[Kind]int `json:"injected"`
	// Answers is what the clients were told.
	Answers Answers `json:"answers"`
	// Committed is how many events the tables hold.
	Committed int `json:"committed"`
	// Tenants is how many tenants they belong to.
	Tenants int `json:"tenants"`
	// Dropped is how many repeats the broker knew and dropped. Those of workers that were killed before
	// they could note it are missing.
	Dropped int `json:"dropped_by_the_broker"`
	// SettledSeconds is the time from the end of the load and the last fault until all was published.
	SettledSeconds float64 `json:"settled_seconds"`
	// Checks are the comparisons.
	Checks []*Check `json:"checks"`
}

func newReport(ctx context.Context, w *world) *Report {
	c := w.config
	r := &Report{Seed: c.Seed, Injected: map[Kind]int{}}
	for _, f := range c.schedule() {
		r.Schedule = append(r.Schedule, f.String())
	}
	var version, fsync string
	_ = w.superuser.QueryRow(ctx, "select current_setting('server_version'), current_setting('fsync')").
		Scan(&version, &fsync) // the run itself will say what is wrong
	r.Conditions = []string{
		fmt.Sprintf("%d tenants at the beginning, %d worker processes, %d writes a second tried by %d clients for %s",
			c.Tenants, c.Workers, c.Rate, clients, c.Duration),
		fmt.Sprintf("a fault every %s on average, leases of %s; one in %d handler calls fails by itself", c.Pause, c.LeaseTTL, failing),
		fmt.Sprintf("PostgreSQL %s, fsync %s; JetStream with file storage and a duplicate window of %s",
			version, fsync, w.settings.Stream.DuplicateWindow),
		fmt.Sprintf("%d cores (%s/%s, %s), everything on the same machine",
			runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, runtime.Version()),
	}
	return r
}

// eventsOfOnboarding is how many events a tenant begins with: that it was onboarded, and its first user.
const eventsOfOnboarding = 2

func (r *Report) finish(o observed, dropped int, l *load, c *crew) {
	r.Answers, r.Committed, r.Tenants, r.Dropped = l.answers, len(o.ledger.events), o.ledger.tenants, dropped
	r.Answers.Untold = r.Committed - r.Answers.Acknowledged - eventsOfOnboarding*r.Tenants
	r.Checks = append(compare(o), l.wrong, c.deserted, c.unruly)
	r.OK = !slices.ContainsFunc(r.Checks, (*Check).Violated)
}

// result is the table and the value that the command prints.
func (r *Report) result() module.Result {
	result := module.Result{JSON: r, Failed: !r.OK, Columns: []string{"verdict", "what", "found"}}
	add := func(verdict, what string, n int) {
		result.Rows = append(result.Rows, []string{verdict, what, strconv.Itoa(n)})
	}
	for _, kind := range Kinds() {
		add("", "faults: "+string(kind), r.Injected[kind])
	}
	add("", "clients: writes acknowledged", r.Answers.Acknowledged)
	add("", "clients: writes done although nobody was told so", r.Answers.Untold)
	add("", "clients: requests answered with 503 or not at all", r.Answers.Unknown)
	add("", "clients: writes refused by suspended tenants", r.Answers.Refused)
	add("", "events committed", r.Committed)
	add("", "stream: repeats that the broker dropped", r.Dropped)
	for _, c := range r.Checks {
		verdict := ""
		switch {
		case c.Violated():
			verdict = "FAIL"
		case c.MustBeZero:
			verdict = "ok"
		}
		add(verdict, c.What, c.Found)
	}
	result.Notes = append(result.Notes, fmt.Sprintf("Seed %d. Settled %.1f s after the end of load and faults.", r.Seed, r.SettledSeconds))
	result.Notes = append(result.Notes, r.Conditions...)
	for _, c := range r.Checks {
		if c.Violated() {
			result.Notes = append(result.Notes, c.What+", for example:")
			for _, example := range c.Examples {
				result.Notes = append(result.Notes, "  "+example)
			}
		}
	}
	return result
}
