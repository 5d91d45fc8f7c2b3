package plot

import (
	"cmp"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Chart is a drawing that can be made of a report.
type Chart struct {
	// File is its name, for example "latency.svg".
	File string

	title, axis string
	picks       *regexp.Regexp // names of measurements; what it matches is left out of the legend
	units       []string
	kind        string // whose conditions are told
	log         bool   // the scale of values
	most        float64
	series      []series
	conditions  []string
}

// series is one line.
type series struct {
	name   string
	unit   string // stands behind its last figure
	points []point
	level  bool // it does not depend on the number of tenants
	bound  bool // it is computed and not measured
}

// point is a median, and between what the rounds were.
type point struct{ x, y, low, high float64 }

// kinds are what the bench measures: conditions of others are not told below a chart.
func kinds() []string {
	return []string{
		"drain", "latency", "starvation", "fairness", "idle", "simulate", "write", "onboarding", "pinned", "processes",
		"discovery", "outage",
	}
}

// templates are what is drawn, if it was measured.
func templates() []Chart {
	match := regexp.MustCompile
	return []Chart{
		{
			File: "drain.svg", title: "Draining a backlog, beside what it is compared to", axis: "events/s",
			picks: match(`^drain: `), units: []string{"events/s", "jobs/s"}, kind: "drain",
		},
		{
			File: "latency.svg", title: "From commit to acknowledged by the broker", axis: "ms",
			picks: match(`^latency: (commit to acknowledged, )?`), units: []string{"ms"}, kind: "latency", log: true,
		},
		{
			File: "starvation-one.svg", title: "One event behind a neighbour's backlog: p99 until it is published", axis: "ms",
			picks: match(`^starvation: behind one neighbour, p99(, )?`), units: []string{"ms"}, kind: "starvation", log: true,
		},
		{
			File: "starvation-all.svg", title: "One event while all tenants have a backlog: p99 until it is published", axis: "ms",
			picks: match(`^starvation: behind all others, (p99)?(, )?`), units: []string{"ms"}, kind: "starvation", log: true,
		},
		{
			File: "fairness.svg", title: "Fairness of service time among backlogged tenants", axis: "Jain's index (1 is equal)",
			picks: match(`^fairness: (Jain's index of )?`), units: []string{"", "index", "of 1"}, kind: "fairness", most: 1,
		},
		{
			File: "cost.svg", title: "What idle tenants cost: processor time", axis: "% of a core",
			picks: match(`^idle: (CPU of )?`), units: []string{"% of a core"}, kind: "idle",
		},
		{
			File: "cost-queries.svg", title: "What idle tenants cost: connections and transactions", axis: "connections, transactions/s",
			picks: match(`^idle: `), units: []string{"connections", "transactions/s", "queries/s"}, kind: "idle",
		},
		{
			File: "write.svg", title: "Writing a row and its event", axis: "per second",
			picks: match(`^write: `), units: []string{"tx/s", "requests/s"}, kind: "write",
		},
		{
			File: "simulation-wait.svg", title: "Simulated: one event behind backlogs, the longest until it is published", axis: "ms",
			picks: match(`^simulate: (one event behind the backlogs, longest)?(, )?`), units: []string{"ms"},
			kind: "simulate", log: true,
		},
		{
			File: "simulation-fairness.svg", title: "Simulated: fairness of service time", axis: "Jain's index (1 is equal)",
			picks: match(`^simulate: Jain's index over 10 rounds, `), units: []string{"", "index"}, kind: "simulate", most: 1,
		},
	}
}

// Charts are the drawings that a report has the figures for.
func Charts(report Report) []Chart {
	var charts []Chart
	for _, chart := range templates() {
		for _, m := range report.Measurements {
			if chart.takes(m) {
				chart.add(m)
			}
		}
		if len(chart.series) == 0 {
			continue
		}
		chart.finish()
		for _, text := range report.Conditions {
			if kind, _, _ := strings.Cut(text, ": "); kind == chart.kind || !slices.Contains(kinds(), kind) {
				chart.conditions = append(chart.conditions, strings.TrimPrefix(text, chart.kind+": "))
			}
		}
		charts = append(charts, chart)
	}
	return charts
}

// percentiles of a name that are not the one that a chart is about.
var percentiles = regexp.MustCompile(`, p\d+(,|$)`)

func (c *Chart) takes(m Measurement) bool {
	if !c.picks.MatchString(m.Name) || !slices.Contains(c.units, m.Unit) {
		return false
	}
	// A chart of one percentile leaves the others out.
	return c.kind == "latency" || !percentiles.MatchString(", "+strings.TrimPrefix(c.rest(m.Name), ", "))
}

func (c *Chart) rest(name string) string { return name[len(c.picks.FindString(name)):] }

func (c *Chart) add(m Measurement) {
	name := strings.TrimPrefix(c.rest(m.Name), "by ")
	if name == "" {
		name = "the pool"
	}
	i := slices.IndexFunc(c.series, func(s series) bool { return s.name == name })
	if i < 0 {
		i = len(c.series)
		c.series = append(c.series, series{name: name, unit: unit(m.Unit), bound: strings.Contains(name, "bound")})
	}
	p := point{float64(m.Tenants), m.Median, m.Median, m.Median}
	if len(m.Rounds) > 0 {
		p.low, p.high = slices.Min(m.Rounds), slices.Max(m.Rounds)
	}
	c.series[i].points = append(c.series[i].points, p)
}

// unit leaves out what says nothing behind a figure.
func unit(name string) string {
	if name == "index" || name == "of 1" {
		return ""
	}
	return name
}

// finish sorts the points, and puts what is computed behind what was measured. What was measured at no count
// of tenants is a level.
func (c *Chart) finish() {
	slices.SortStableFunc(c.series, func(a, b series) int {
		switch {
		case a.bound == b.bound:
			return 0
		case a.bound:
			return 1
		default:
			return -1
		}
	})
	for i := range c.series {
		s := &c.series[i]
		slices.SortFunc(s.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
		s.level = s.points[0].x == 0
	}
}

// WriteTo writes the SVG.
func (c *Chart) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, c.svg())
	return int64(n), err
}
