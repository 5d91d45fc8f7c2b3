package app

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

var (
	// described is how a description of a metric shows itself; there is no other way to its name.
	described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "([^"]*)", unit: "[^"]*", constLabels: \{[^}]*\}, variableLabels: \{([^}]*)\}\}$`)
	// documented is a line of the table.
	documented = regexp.MustCompile("(?m)^\\| `(tenantry_[a-z_]+)` \\| (\\w+) \\| ([^|]*) \\| ([^|]+) \\|$")
)

// TestEveryMetricIsDocumented compares what the program counts with docs/metrics.md, by names, labels and
// help texts, and sees to it that none is labelled by tenant.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	m := newMetrics(Config{})
	m.watchBroker(nil)
	m.watchPool("main", nil)
	workers.NewMetrics(prometheus.WrapRegistererWith(prometheus.Labels{"cluster": "main"}, m.registry))

	var counted []string
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.registry.Describe(descs)
	}()
	for desc := range descs {
		found := described.FindStringSubmatch(desc.String())
		require.NotNil(t, found, desc.String())
		if name, help, labels := found[1], found[2], found[3]; strings.HasPrefix(name, metricsNamespace) {
			require.NotRegexp(t, "tenant|slug|schema", labels, name)
			counted = append(counted, name+": "+help+" ("+labels+")")
		}
	}
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	var listed []string
	for _, line := range documented.FindAllStringSubmatch(string(text), -1) {
		labels := strings.Trim(strings.ReplaceAll(line[3], "`", ""), " ")
		listed = append(listed, line[1]+": "+line[4]+" ("+strings.ReplaceAll(labels, ", ", ",")+")")
	}
	slices.Sort(counted)
	slices.Sort(listed)
	require.Equal(t, counted, listed, "docs/metrics.md has a line for each metric, with its help text")
}

// The rules name metrics that exist.
func TestTheAlertsAskForMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../deploy/prometheus/alerts.yaml")
	require.NoError(t, err)
	docs, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	named := regexp.MustCompile(`tenantry_[a-z_]+`).FindAllString(string(rules), -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		name = strings.TrimSuffix(name, "_bucket")
		require.Contains(t, string(docs), "| `"+name+"` |", name)
	}
}
