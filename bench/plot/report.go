// Package plot draws the bench's results as SVG: what was measured against the number of tenants.
//
// A file stands for itself, without a script, a font or anything else from elsewhere, and is readable on a
// light and on a dark page. Reports go in as the JSON that the bench prints.
package plot

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Report is what the bench prints with --json.
type Report struct {
	// Conditions say where and how it was measured. Those of one kind begin with its name and a colon.
	Conditions []string `json:"conditions"`
	// Measurements are what was found.
	Measurements []Measurement `json:"measurements"`
}

// Measurement is one thing at one count of tenants.
type Measurement struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Tenants int       `json:"tenants"`
	Rounds  []float64 `json:"rounds"`
	Median  float64   `json:"median"`
}

// Read reads a report.
func Read(r io.Reader) (Report, error) {
	var report Report
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return Report{}, fmt.Errorf("read a report: %w", err)
	}
	return report, nil
}

// Add takes what another run has measured. What both have is the other's.
func (r *Report) Add(other Report) {
	for _, text := range other.Conditions {
		if !slices.Contains(r.Conditions, text) {
			r.Conditions = append(r.Conditions, text)
		}
	}
	for _, m := range other.Measurements {
		same := func(known Measurement) bool { return known.Name == m.Name && known.Tenants == m.Tenants }
		if i := slices.IndexFunc(r.Measurements, same); i >= 0 {
			r.Measurements[i] = m
		} else {
			r.Measurements = append(r.Measurements, m)
		}
	}
}
