package workers

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// topRanks is how many of the worst tenants have a gauge: by their rank, since a label that names a
	// tenant would have no bound.
	topRanks = 5
	// visitRounds is how many rounds of the sweep may pass before a tenant counts as not visited in time.
	visitRounds = 3
)

// round is one look into all tenants.
type round struct {
	chunks   int
	took     time.Duration // in the looks alone
	backlogs []float64     // of the tenants with unpublished events
	ages     []float64     // of their oldest ones, in seconds
}

// sweepShare is how much longer than its looks a round is at least, so that however many tenants there are,
// and however cold their tables, one of the database's cores is busy with looking for a twentieth of its time.
const sweepShare = 20

// length is how long such a round takes with its pauses.
func (r *round) length(config Config) time.Duration {
	even := max(config.SweepRound, sweepShare*r.took)
	return min(max(even, time.Duration(r.chunks)*config.SweepPauseMin), time.Duration(r.chunks)*config.SweepPauseMax)
}

// add notes what a chunk of the round saw, and how long the look took.
func (r *round) add(seen []sighting, now time.Time, took time.Duration) {
	r.chunks++
	r.took += took
	for _, s := range seen {
		if s.oldest != nil {
			r.backlogs = append(r.backlogs, float64(s.backlog))
			r.ages = append(r.ages, max(now.Sub(*s.oldest).Seconds(), 0))
		}
	}
}

// coverage shows what the last whole round saw as distributions over all tenants, those included that
// have nothing to publish.
type coverage struct {
	mu      sync.Mutex
	last    round
	tenants int64

	backlog, age, topBacklog, topAge *prometheus.Desc
}

func newCoverage() *coverage {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("tenantry", "worker", name), help, labels, nil)
	}
	return &coverage{
		backlog: desc("tenant_backlog", "Tenants by how many unpublished events the last sweep round saw."),
		age: desc("tenant_oldest_unpublished_seconds",
			"Tenants by the age of their oldest unpublished event in the last sweep round."),
		topBacklog: desc("top_backlog", "Unpublished events of the tenants that have most, by rank.", "rank"),
		topAge: desc("top_oldest_unpublished_seconds",
			"Age of the oldest unpublished event of the tenants where it is oldest, by rank.", "rank"),
	}
}

// noteRound keeps a round that is over, the worst first.
func (c *coverage) noteRound(r round) {
	descending := func(a, b float64) int { return cmp.Compare(b, a) }
	slices.SortFunc(r.backlogs, descending)
	slices.SortFunc(r.ages, descending)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r
}

// noteTenants keeps how many tenants there are.
func (c *coverage) noteTenants(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tenants = n
}

// visitWithin is the time in which every tenant should be visited: three rounds of the sweep as long as the
// last one or as the configured time, whichever is more; and the time of a lease, for what a process misses
// that dies.
func (c *coverage) visitWithin(config Config) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return visitRounds*max(config.SweepRound, c.last.length(config)) + config.LeaseTTL
}

// Describe implements prometheus.Collector.
func (c *coverage) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.backlog, c.age, c.topBacklog, c.topAge} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *coverage) Collect(metrics chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	idle := max(c.tenants-int64(len(c.last.backlogs)), 0)
	metrics <- distribution(c.backlog, c.last.backlogs, idle, []float64{0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000})
	metrics <- distribution(c.age, c.last.ages, idle, []float64{0, 0.1, 1, 5, 15, 60, 300, 900, 3600, 86_400})
	for rank := range topRanks {
		label := strconv.Itoa(rank + 1)
		metrics <- prometheus.MustNewConstMetric(c.topBacklog, prometheus.GaugeValue, ranked(c.last.backlogs, rank), label)
		metrics <- prometheus.MustNewConstMetric(c.topAge, prometheus.GaugeValue, ranked(c.last.ages, rank), label)
	}
}

// ranked is 0 where fewer tenants have unpublished events.
func ranked(descending []float64, rank int) float64 {
	if rank >= len(descending) {
		return 0
	}
	return descending[rank]
}

// distribution is a histogram of this moment, over values and as many zeros.
func distribution(desc *prometheus.Desc, values []float64, zeros int64, bounds []float64) prometheus.Metric {
	buckets, sum := make(map[float64]uint64, len(bounds)), 0.0
	for _, bound := range bounds {
		buckets[bound] = uint64(zeros) //nolint:gosec // never negative
	}
	for _, v := range values {
		sum += v
		for _, bound := range bounds {
			if v <= bound {
				buckets[bound]++
			}
		}
	}
	count := uint64(zeros) + uint64(len(values)) //nolint:gosec // never negative
	return prometheus.MustNewConstHistogram(desc, count, sum, buckets)
}
