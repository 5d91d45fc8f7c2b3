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
	// Casual is the same of the events of those that come and go.
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
	served  map[*tenant][]time.Duration // in each window
	single  []time.Duration
	casual  []time.Duration
	present int
	most    int
	longest time.Duration
}

func newMeasured(load Load) *measured {
	backlogged := max(load.Backlogged+load.Hanging, 1)
	return &measured{
		load:   load,
		window: windowRounds * time.Duration(backlogged) * load.Quantum / time.Duration(load.Slots),
		served: make(map[*tenant][]time.Duration, load.Backlogged),
	}
}

func (m *measured) active(change int) {
	m.present += change
	m.most = max(m.most, m.present)
}

func (m *measured) published(t *tenant, waited time.Duration) {
	if t.single {
		m.single = append(m.single, waited)
	} else {
		m.casual = append(m.casual, waited)
	}
}

// batch notes what a tenant is served, in the windows in which it is.
func (m *measured) batch(t *tenant, at, took time.Duration) {
	m.longest = max(m.longest, took)
	if !t.endless || t.hangs {
		return
	}
	windows := m.served[t]
	for took > 0 {
		i := int(at / m.window)
		for len(windows) <= i {
			windows = append(windows, 0)
		}
		part := min(took, time.Duration(i+1)*m.window-at)
		windows[i] += part
		at, took = at+part, took-part
	}
	m.served[t] = windows
}

func (m *measured) result(policy Policy, tenants []*tenant) Result {
	r := Result{Policy: policy, MostActive: m.most, LongestBatch: m.longest}
	r.Bound = time.Duration(m.most)*m.load.Quantum/time.Duration(m.load.Slots) + m.longest
	for _, t := range tenants {
		for _, committed := range t.queue {
			m.published(t, m.load.Time-committed)
			if t.single {
				r.Single.Unserved++
			} else {
				r.Casual.Unserved++
			}
		}
	}
	r.Single.of(m.single)
	r.Casual.of(m.casual)
	if indices := m.indices(); len(indices) > 0 {
		slices.Sort(indices)
		r.Windows, r.JainWorst, r.JainMedian = len(indices), indices[0], indices[len(indices)/2]
	}
	return r
}

// indices are Jain's index for each whole window, without the first: there nobody's cost is known.
func (m *measured) indices() []float64 {
	var all []float64
	for i := 1; i < int(m.load.Time/m.window) && m.load.Backlogged > 0; i++ {
		var sum, squares float64
		for _, windows := range m.served {
			if i < len(windows) {
				x := windows[i].Seconds()
				sum, squares = sum+x, squares+x*x
			}
		}
		if squares > 0 {
			all = append(all, sum*sum/(float64(m.load.Backlogged)*squares))
		}
	}
	return all
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
