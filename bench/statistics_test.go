package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{9, 1, 2}), 1e-9)
	require.InDelta(t, 3, median([]float64{9, 1, 2, 4}), 1e-9)
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i)*time.Millisecond)
	}
	require.Zero(t, percentile(nil, 0.5))
	require.InDelta(t, 50, percentile(sorted, 0.5), 1e-9)
	require.InDelta(t, 99, percentile(sorted, 0.99), 1e-9)
	require.InDelta(t, 99, percentile(sorted, 1), 1e-9)
}

func TestJainsIndex(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 1, jain([]float64{3, 3, 3}), 1e-9)
	require.InDelta(t, 0.25, jain([]float64{7, 0, 0, 0}), 1e-9, "one has everything")
	require.InDelta(t, 0.9, jain([]float64{1, 2}), 1e-9)
	require.Zero(t, jain([]float64{0, 0}))
}

func TestRatiosAreTakenWithinEachRoundAndCount(t *testing.T) {
	t.Parallel()
	r := &report{}
	for round, base := range []float64{10, 100, 1000} {
		r.add(measurement{Name: "base", Tenants: 10}, base)
		r.add(measurement{Name: "ours", Tenants: 10, Beside: "base"}, base/2)
		r.add(measurement{Name: "base", Tenants: 20}, float64(round)) // nothing at first
		r.add(measurement{Name: "ours", Tenants: 20, Beside: "base"}, 3*float64(round))
	}
	r.finish()
	require.Len(t, r.Measurements, 4)
	require.InDelta(t, 100, r.find("base", 10).Median, 1e-9)
	require.InDelta(t, 0.5, r.find("ours", 10).Ratio, 1e-9)
	require.InDelta(t, 3, r.find("ours", 20).Ratio, 1e-9, "a round without a base has no ratio")
}

func TestTheMiddleOfADrainLeavesOutItsStartAndEnd(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var all []sample
	for second, events := range []int{0, 0, 0, 10, 50, 90, 100, 100} {
		all = append(all, sample{began.Add(time.Duration(second) * time.Second), events})
	}
	require.InDelta(t, 40, middleRate(all, 100), 1e-9)
	require.Zero(t, middleRate(all[:1], 100))
}
