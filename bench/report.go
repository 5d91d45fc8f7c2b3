package bench

import (
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

// measurement is one thing at one count of tenants, measured in every round.
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

// add notes a value of one round.
func (r *report) add(m measurement, value float64) {
	known := r.find(m.Name, m.Tenants)
	if known == nil {
		known = &m
		r.Measurements = append(r.Measurements, known)
	}
	known.Rounds = append(known.Rounds, value)
}

// condition says one thing more about how it was measured, once.
func (r *report) condition(text string) {
	if !slices.Contains(r.Conditions, text) {
		r.Conditions = append(r.Conditions, text)
	}
}

func (r *report) find(name string, tenants int) *measurement {
	for _, m := range r.Measurements {
		if m.Name == name && m.Tenants == tenants {
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
		other := r.find(m.Beside, m.Tenants)
		if other == nil {
			continue
		}
		var ratios []float64
		for i := range min(len(m.Rounds), len(other.Rounds)) {
			if other.Rounds[i] != 0 { // JSON has no infinity
				ratios = append(ratios, m.Rounds[i]/other.Rounds[i])
			}
		}
		m.Ratio = median(ratios)
	}
}

func (r *report) result() module.Result {
	result := module.Result{JSON: r, Columns: []string{"measured", "tenants", "median", "unit", "ratio", "beside", "rounds"}}
	for _, m := range r.Measurements {
		ratio, tenants := "", ""
		if other := r.find(m.Beside, m.Tenants); other != nil && other.Median != 0 {
			ratio = strconv.FormatFloat(m.Ratio, 'f', 2, 64)
		}
		if m.Tenants > 0 {
			tenants = strconv.Itoa(m.Tenants)
		}
		rounds := make([]string, len(m.Rounds))
		for i, v := range m.Rounds {
			rounds[i] = number(v)
		}
		result.Rows = append(result.Rows, []string{
			m.Name, tenants, number(m.Median), m.Unit, ratio, m.Beside, strings.Join(rounds, " "),
		})
	}
	result.Notes = r.Conditions
	return result
}

// number shows large figures without decimals, and small ones with what they need.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 2:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
}
