package plot

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the expected drawings anew") //nolint:gochecknoglobals // a flag

func fixture(t *testing.T) Report {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "report.json"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	report, err := Read(file)
	require.NoError(t, err)
	return report
}

func TestChartsAreDrawnOfWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var files []string
	for _, chart := range Charts(fixture(t)) {
		files = append(files, chart.File)
		var got strings.Builder
		_, err := chart.WriteTo(&got)
		require.NoError(t, err)
		requireXML(t, got.String())
		golden := filepath.Join("testdata", chart.File)
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), got.String(), "look at it, and run the test with -update")
	}
	require.Equal(t, []string{"drain.svg", "latency.svg", "starvation-all.svg", "fairness.svg", "cost.svg", "cost-queries.svg"}, files)
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			return
		}
	}
}

func TestAChartHasItsLinesUnderShortNames(t *testing.T) {
	t.Parallel()
	lines := map[string][]string{}
	for _, chart := range Charts(fixture(t)) {
		for _, s := range chart.series {
			lines[chart.File] = append(lines[chart.File], s.name)
		}
	}
	require.Equal(t, map[string][]string{
		"drain.svg":          {"bare pgx loop", "pool, no-op handler", "pool to JetStream", "River, its own bench"},
		"latency.svg":        {"p50", "p99"},
		"starvation-all.svg": {"the pool", "first in, first out", "the stated bound"},
		"fairness.svg":       {"service time", "the worst window"},
		"cost.svg":           {"the worker"},
		"cost-queries.svg":   {"connections"},
	}, lines)
}

func TestNamesAreTextAndNoMarkup(t *testing.T) {
	t.Parallel()
	report := Report{
		Conditions:   []string{`<script>alert(1)</script> & "more"`},
		Measurements: []Measurement{{Name: "drain: <b>", Unit: "events/s", Tenants: 1, Median: 1}},
	}
	charts := Charts(report)
	require.Len(t, charts, 1)
	require.NotContains(t, charts[0].svg(), "<b>")
	require.NotContains(t, charts[0].svg(), "<script")
	requireXML(t, charts[0].svg())
}

func TestALaterRunReplacesWhatItMeasuredAgain(t *testing.T) {
	t.Parallel()
	report := Report{Conditions: []string{"a"}, Measurements: []Measurement{{Name: "x", Tenants: 1, Median: 1}}}
	report.Add(Report{Conditions: []string{"a", "b"}, Measurements: []Measurement{
		{Name: "x", Tenants: 1, Median: 2}, {Name: "x", Tenants: 10, Median: 3},
	}})
	require.Equal(t, Report{Conditions: []string{"a", "b"}, Measurements: []Measurement{
		{Name: "x", Tenants: 1, Median: 2}, {Name: "x", Tenants: 10, Median: 3},
	}}, report)
	_, err := Read(strings.NewReader("no report"))
	require.Error(t, err)
}

func TestScales(t *testing.T) {
	t.Parallel()
	require.Equal(t, []float64{0, 20_000, 40_000, 60_000, 80_000}, linearScale(75_000, 0, 1).marks)
	require.Equal(t, []float64{0, 1}, []float64{linearScale(0, 0, 1).marks[0], linearScale(0, 0, 1).high})
	log := logScale(3, 2000, 0, 100)
	require.Equal(t, []float64{1, 10, 100, 1000, 10_000}, log.marks)
	require.InDelta(t, 50, log.at(100), 1e-9)
	require.InDelta(t, 0, log.at(0), 1e-9, "nothing stands below the axis")
	require.Equal(t, []string{"0.2", "12.5", "999", "1,000", "1,234,567"},
		[]string{label(0.2), label(12.5), label(999), label(1000), label(1_234_567)})
}
