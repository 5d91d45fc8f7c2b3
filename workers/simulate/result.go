package simulate

import (
	"slices"
	"time"
)

// Result is how a pool did.
type Result struct {
	// Policy decided whose turn it was.
	Policy Policy

	// Single is how long the one event of a tenant waited until it was published, beside the backlogs.
	Single Waits
	// Casual is the same of the events of those that come and go, and need at most half of their share.
	Casual Waits
	// Bound is what the single event's longest wait is to stay under: a quantum for each tenant that had work at one time, shared
	// by the slots, and the longest batch.
	Bound time.Duration

	// Jain is Jain's index of the service time of the backlogged tenants that do not hang, in windows as
	// long as ten rounds take: 1 when all have the same, 1/n when one has all.
	// The worst window and the median one, of Windows.
	JainWorst, JainMedian float64
	Windows               int

	// MostActive is how many tenants had work at one time.
	MostActive int
	// LongestBatch is how long the longest batch took.
	LongestBatch time.Duration
}

// Waits are how long events waited, the median, the 99th of a hundred, and the longest. One that still
// waits at the end counts with what it has waited.
type Waits struct {
	P50, P99, Longest time.Duration
	Events            int
	// Unserved is how many still waited at the end.
	Unserved int
}

// windowRounds is how many rounds a window is long in which the shares are compared.
const windowRounds = 10

// measured is what is noted while a pool works.
type measured struct {
	load    Load
	window  time.Duration
	present int
	most    int
	longest time.Duration
}

func newMeasured(load Load) *measured {
	backlogged := max(load.Backlogged+load.Hanging, 1)
	return &measured{
		load:   load,
		window: windowRounds * time.Duration(backlogged) * load.Quantum / time.Duration(load.Slots),
	}
}

func (m *measured) active(change int) {
	m.present += change
	m.most = max(m.most, m.present)
}

func (m *measured) published(t *tenant, waited time.Duration) { t.waits = append(t.waits, waited) }

// batch notes what a tenant is served, in the windows in which it is.
func (m *measured) batch(t *tenant, at, took time.Duration) {
	m.longest = max(m.longest, took)
	if !t.endless || t.hangs {
		return
	}
	for took > 0 {
		i := int(at / m.window)
		for len(t.served) <= i {
			t.served = append(t.served, 0)
		}
		part := min(took, time.Duration(i+1)*m.window-at)
		t.served[i] += part
		at, took = at+part, took-part
	}
}

func (m *measured) result(policy Policy, tenants []*tenant) Result {
	r := Result{Policy: policy, MostActive: m.most, LongestBatch: m.longest}
	r.Bound = time.Duration(m.most)*m.load.Quantum/time.Duration(m.load.Slots) + m.longest
	var single, casual []time.Duration
	for _, t := range tenants {
		waits, to := &r.Casual, &casual
		if t.single {
			waits, to = &r.Single, &single
		}
		for _, committed := range t.queue {
			t.waits = append(t.waits, m.load.Time-committed)
		}
		if t.single || m.modest(t) {
			waits.Unserved += len(t.queue)
			*to = append(*to, t.waits...)
		}
	}
	r.Single.of(single)
	r.Casual.of(casual)
	if indices := m.indices(tenants); len(indices) > 0 {
		slices.Sort(indices)
		r.Windows, r.JainWorst, r.JainMedian = len(indices), indices[0], indices[len(indices)/2]
	}
	return r
}

// settled is the first window to count.
func (m *measured) settled() int {
	return 1 + int(settled*float64(m.load.Time)/float64(m.window))
}

// indices are Jain's index for each whole window.
func (m *measured) indices(tenants []*tenant) []float64 {
	var all []float64
	for i := m.settled(); i < int(m.load.Time/m.window) && m.load.Backlogged > 0; i++ {
		var sum, squares float64
		for _, t := range tenants {
			if i < len(t.served) {
				x := t.served[i].Seconds()
				sum, squares = sum+x, squares+x*x
			}
		}
		if squares > 0 {
			all = append(all, sum*sum/(float64(m.load.Backlogged)*squares))
		}
	}
	return all
}

// modest reports whether all that a tenant had to do was at most half of what it was due.
func (m *measured) modest(t *tenant) bool {
	needs := time.Duration(len(t.waits)) * (t.cost + m.load.Batch)
	return needs*time.Duration(max(m.most, m.load.Slots)) <= m.load.Time*time.Duration(m.load.Slots)/2
}

func (w *Waits) of(waits []time.Duration) {
	slices.Sort(waits)
	if w.Events = len(waits); w.Events > 0 {
		w.P50, w.P99, w.Longest = percentile(waits, 0.5), percentile(waits, 0.99), waits[w.Events-1]
	}
}

func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}
