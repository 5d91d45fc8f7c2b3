package workers

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// schedule drives Turns with anything that can happen on several slots, and keeps its own account of what
// was promised.
type schedule struct {
	turns   *Turns
	slots   int
	weights map[string]int
	running map[string]turnOf
	waiting map[string]*waiter
	fresh   []string                 // those that had no work and have time left in the round, in order
	owes    map[string]time.Duration // at most
	used    map[string]time.Duration
	since   map[string]int64 // the round in which it came
	overdue map[string]time.Duration
}

// waiter is somebody who waits, and what each other used in turns that began meanwhile.
type waiter struct {
	id     string
	used   map[string]time.Duration
	rounds int64 // at most so many of theirs
}

// turnOf is somebody's turn, and who waited when it began.
type turnOf struct {
	budget  time.Duration
	waiting []*waiter
}

func newSchedule(slots int, weights map[string]int) *schedule {
	return &schedule{
		turns: NewTurns(testQuantum), slots: slots, weights: weights,
		running: map[string]turnOf{}, waiting: map[string]*waiter{}, owes: map[string]time.Duration{},
		used: map[string]time.Duration{}, since: map[string]int64{}, overdue: map[string]time.Duration{},
	}
}

func (s *schedule) allowance(id string) time.Duration {
	return testQuantum * time.Duration(s.weights[id])
}

func (s *schedule) startWaiting(id string) {
	s.waiting[id] = &waiter{id: id, used: map[string]time.Duration{}, rounds: 2 + int64(s.owes[id]/s.allowance(id))}
}

func (s *schedule) ready(id string) {
	if !s.turns.Has(id) {
		s.startWaiting(id)
	}
	s.turns.Ready(id, s.weights[id])
	if _, ok := s.since[id]; !ok {
		s.since[id] = s.turns.round
	}
	s.noteFresh(id)
}

// noteFresh notes who is to go before the backlogged ones.
func (s *schedule) noteFresh(id string) {
	if e := s.turns.fresh.Back(); e != nil && e.Value == s.turns.shares[id] && !slices.Contains(s.fresh, id) {
		s.fresh = append(s.fresh, id)
	}
}

func (s *schedule) next(t require.TestingT) {
	if len(s.running) == s.slots {
		return
	}
	id, budget, ok := s.turns.Next()
	require.Equal(t, len(s.waiting) > 0, ok, "somebody is served if and only if somebody waits")
	if !ok {
		return
	}
	require.Contains(t, s.waiting, id)
	require.NotContains(t, s.running, id)
	require.Positive(t, budget)
	require.LessOrEqual(t, budget, s.allowance(id), "nobody saves up")
	s.requireFreshFirst(t, id)
	delete(s.waiting, id)
	s.fresh = slices.DeleteFunc(s.fresh, func(f string) bool { return f == id })
	s.running[id] = turnOf{budget, slices.Collect(maps.Values(s.waiting))}
}

// requireFreshFirst: while somebody waits who had no work and owes nothing, only those like it that came
// earlier are served.
func (s *schedule) requireFreshFirst(t require.TestingT, id string) {
	for _, f := range s.fresh {
		if f == id {
			return
		}
		require.NotZero(t, s.owes[f], "%s was served while %s waited, who had no work before and owes nothing", id, f)
	}
}

func (s *schedule) done(t require.TestingT, id string, used time.Duration, more bool) {
	turn := s.running[id]
	over := max(used-turn.budget, 0)
	delete(s.running, id)
	for _, w := range turn.waiting {
		w.used[id] += used
		require.LessOrEqual(t, w.used[id], time.Duration(w.rounds)*s.allowance(id)+over, "what %s used while %s waited", id, w.id)
	}
	s.owes[id], s.overdue[id] = over, over
	s.used[id] += used
	s.turns.Done(id, used, more)
	if more {
		s.startWaiting(id)
		s.noteFresh(id)
	}
	rounds := s.turns.round - s.since[id] + 1
	require.LessOrEqual(t, s.used[id], time.Duration(rounds)*s.allowance(id)+s.overdue[id], "%s was served more than it was charged", id)
}

func (s *schedule) forget(id string) {
	s.turns.Forget(id)
	for _, m := range []map[string]time.Duration{s.owes, s.used, s.overdue} {
		delete(m, id)
	}
	for _, turn := range s.running {
		for _, w := range turn.waiting {
			delete(w.used, id)
		}
	}
	for _, w := range s.waiting {
		delete(w.used, id)
	}
	delete(s.running, id)
	delete(s.waiting, id)
	delete(s.since, id)
	s.fresh = slices.DeleteFunc(s.fresh, func(f string) bool { return f == id })
}

// Whatever comes, leaves, overdraws or is forgotten, on any number of slots, what the schedule promises
// holds.
func TestTurnsKeepTheirBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "tenants")
		ids, weights := make([]string, n), map[string]int{}
		for i := range ids {
			ids[i] = fmt.Sprint(i)
			weights[ids[i]] = rapid.SampledFrom([]int{1, 1, 1, 2, 7, 100}).Draw(t, "weight")
		}
		s := newSchedule(rapid.IntRange(1, 5).Draw(t, "slots"), weights)
		some := func(label string) string { return rapid.SampledFrom(ids).Draw(t, label) }
		t.Repeat(map[string]func(*rapid.T){
			"ready":  func(*rapid.T) { s.ready(some("ready")) },
			"next":   func(t *rapid.T) { s.next(t) },
			"again":  func(t *rapid.T) { s.next(t) },
			"forget": func(*rapid.T) { s.forget(some("forget")) },
			"done": func(t *rapid.T) {
				if len(s.running) == 0 {
					return
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(s.running))).Draw(t, "done")
				used := rapid.SampledFrom([]time.Duration{0, 1, testQuantum / 3, testQuantum / 2, testQuantum, 3*testQuantum + 1, 50 * testQuantum})
				s.done(t, id, used.Draw(t, "used"), rapid.Bool().Draw(t, "more"))
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(s.waiting), s.turns.Waiting())
				for id := range s.waiting {
					require.True(t, s.turns.Has(id))
				}
			},
		})
	})
}

// On several slots, too, the time of backlogged tenants is in proportion to their weights, though turns
// that take long end many rounds after the one in which they began. It is within a tenth and not
// exact, because a round that ends while a turn runs is no credit for later.
func TestTurnsShareSeveralSlotsByWeight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 6).Draw(t, "slots")
		heaviest := rapid.IntRange(1, 3).Draw(t, "heaviest weight")
		n := 8*heaviest*slots + rapid.IntRange(0, 20).Draw(t, "more tenants") // nobody is due more than an eighth of a slot
		weights, costs := make([]int, n), make([]time.Duration, n)
		for i := range n {
			weights[i] = rapid.IntRange(1, heaviest).Draw(t, "weight")
			costs[i] = time.Duration(rapid.IntRange(1, 200).Draw(t, "cost ms")) * time.Millisecond
		}
		used, rounds := backlogged(slots, weights, costs, 200)
		for i := range n {
			due := time.Duration(rounds) * testQuantum * time.Duration(weights[i])
			slack := due/10 + costs[i] + 2*testQuantum*time.Duration(weights[i])
			if used[i] > due+slack || used[i] < due-slack {
				t.Fatalf("tenant %d of %d (weight %d, cost %s) got %s in %d rounds on %d slots, and was due %s",
					i, n, weights[i], costs[i], used[i], rounds, slots, due)
			}
		}
	})
}

// backlogged serves tenants that always have work until some rounds are over, in virtual time.
func backlogged(slots int, weights []int, costs []time.Duration, rounds int64) (used []time.Duration, went int64) {
	turns := NewTurns(testQuantum)
	for i, w := range weights {
		turns.Ready(fmt.Sprint(i), w)
	}
	type busy struct {
		id         int
		took, ends time.Duration
	}
	var running []busy
	used = make([]time.Duration, len(weights))
	now := time.Duration(0)
	for turns.round < rounds {
		for len(running) < slots {
			id, budget, _ := turns.Next()
			var i int
			_, _ = fmt.Sscan(id, &i)
			took := time.Duration(int64(budget/costs[i]+1) * int64(costs[i])) // whole events, the last one overruns
			running = append(running, busy{i, took, now + took})
		}
		slices.SortFunc(running, func(a, b busy) int { return int(a.ends - b.ends) })
		first := running[0]
		running, now = running[1:], first.ends
		used[first.id] += first.took
		turns.Done(fmt.Sprint(first.id), first.took, true)
	}
	return used, turns.round
}
