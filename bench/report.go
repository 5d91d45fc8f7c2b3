package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/app/module"
)

// report is what a run has found.
type report struct {
	// Conditions say where and how it was measured.
	Conditions []string `json:"conditions"`
	// Measurements are in the order in which they were first made.
	Measurements []*measurement `json:"measurements"`
}

// measurement is one thing, measured in every round.
type measurement struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Tenants int       `json:"tenants,omitempty"`
	Rounds  []float64 `json:"rounds"`
	Median  float64   `json:"median"`
	// Beside is what it is compared to, and Ratio the median of the rounds' ratios to that.
	Beside string  `json:"beside,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
}

func (r *report) add(name, unit, beside string, tenants int, value float64) {
	m := r.find(name)
	if m == nil {
		m = &measurement{Name: name, Unit: unit, Beside: beside, Tenants: tenants}
		r.Measurements = append(r.Measurements, m)
	}
	m.Rounds = append(m.Rounds, value)
}

func (r *report) find(name string) *measurement {
	for _, m := range r.Measurements {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// finish works out the medians. A ratio is taken within each round, where both sides met the same
// machine.
func (r *report) finish() {
	for _, m := range r.Measurements {
		m.Median = median(m.Rounds)
		other := r.find(m.Beside)
		if other == nil {
			continue
		}
		ratios := make([]float64, len(m.Rounds))
		for i := range m.Rounds {
			ratios[i] = m.Rounds[i] / other.Rounds[i]
		}
		m.Ratio = median(ratios)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

func (r *report) result() module.Result {
	result := module.Result{JSON: r, Columns: []string{"measured", "median", "unit", "ratio", "beside", "rounds"}}
	for _, m := range r.Measurements {
		ratio := ""
		if m.Beside != "" {
			ratio = strconv.FormatFloat(m.Ratio, 'f', 2, 64)
		}
		rounds := make([]string, len(m.Rounds))
		for i, v := range m.Rounds {
			rounds[i] = number(v)
		}
		result.Rows = append(result.Rows, []string{
			m.Name, number(m.Median), m.Unit, ratio, m.Beside, strings.Join(rounds, " "),
		})
	}
	result.Notes = r.Conditions
	return result
}

// number shows small figures with a decimal and large ones without.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

func (p plan) conditions() []string {
	return []string{
		fmt.Sprintf("%d tenants; backlog %d events of about 400 bytes for each, over 1,000 aggregates, behind as many published ones",
			p.tenants, p.events),
		fmt.Sprintf("%d cores (%s/%s, %s), program, PostgreSQL, broker and load generator on the same machine",
			runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		fmt.Sprintf("medians of %d rounds; ratios within each round", p.rounds),
		fmt.Sprintf("write path: %d clients for %s; drains: %d connections for the bare loop, at most %d for the pool; "+
			"no inbox rows are written",
			writers, p.duration, bareConns, poolSize),
		fmt.Sprintf("latency: %d events/s through the service for %s; behind a neighbour with %d events: %d events/s of the others",
			p.rate, p.duration, p.neighbour, behindRate),
		"JetStream: file storage, synced every two minutes, message ids with a window of 30 minutes",
	}
}

func (w *world) conditions(ctx context.Context) []string {
	var version, fsync, commit string
	err := w.owner.QueryRow(ctx,
		"select current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')").
		Scan(&version, &fsync, &commit)
	if err != nil {
		return nil // the run itself will say what is wrong
	}
	return []string{fmt.Sprintf("PostgreSQL %s, fsync %s, synchronous_commit %s", version, fsync, commit)}
}
