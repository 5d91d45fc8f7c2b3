package bench

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSimulationComparesUnderOneLoad(t *testing.T) {
	t.Parallel()
	all := simulated(100)
	value := func(name string) float64 {
		i := slices.IndexFunc(all, func(m measurement) bool { return m.Name == name })
		require.GreaterOrEqual(t, i, 0, name)
		require.Equal(t, 100, all[i].Tenants)
		return all[i].Median
	}
	longest := value("simulate: one event behind the backlogs, longest")
	require.Less(t, longest, value("simulate: the stated bound"))
	require.Less(t, longest, value("simulate: one event behind the backlogs, longest, by round robin by events"))
	require.GreaterOrEqual(t, value("simulate: Jain's index over 10 rounds, worst window"), 0.99)
	require.Positive(t, value("simulate: such events not published at the end, by first in, first out"))
	require.Len(t, simulationConditions(), 2)
}
