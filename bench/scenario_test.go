package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tiny is enough to go through all of a scenario's code, and to measure nothing.
func tiny(only ...string) plan {
	return plan{
		tenants: []int{3}, events: 40, eventsTotal: 100, rounds: 2, rate: 50, neighbour: 1000,
		duration: 300 * time.Millisecond, outage: 500 * time.Millisecond, budget: time.Millisecond, only: only,
	}
}

func TestEveryScenarioMeasures(t *testing.T) {
	t.Parallel()
	r, err := tiny().run(t.Context())
	require.NoError(t, err)
	measured := make(map[string]bool)
	for _, m := range r.Measurements {
		require.Len(t, m.Rounds, 1, "the budget allows one round of %s", m.Name)
		require.NotEmpty(t, m.Unit, m.Name)
		require.Equal(t, 3, m.Tenants, m.Name)
		if m.Beside != "" {
			require.NotNil(t, r.find(m.Beside, m.Tenants), "%s is beside %s", m.Name, m.Beside)
		}
		for _, s := range names() {
			if strings.HasPrefix(m.Name, s) {
				measured[s] = true
			}
		}
	}
	for _, name := range names() {
		require.True(t, measured[name], "nothing of %s was measured", name)
	}
	require.Zero(t, r.find(outageLost, 3).Median)
	require.Zero(t, r.find(outageSpent, 3).Median)
	for _, where := range []string{", behind one neighbour", ", behind all others"} {
		require.InDelta(t, 100, r.find(inTime+where, 3).Median, 1e-9, where)
	}
	_, err = json.Marshal(r)
	require.NoError(t, err, "no figure is infinite")
}
