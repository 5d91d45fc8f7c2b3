package workers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const testQuantum = 10 * time.Millisecond

func TestTurnsGoRoundInOrder(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	for _, id := range []string{"a", "b", "c"} {
		turns.Ready(id, 1)
	}
	var order []string
	for range 6 {
		id, budget, ok := turns.Next()
		require.True(t, ok)
		require.Equal(t, testQuantum, budget)
		order = append(order, id)
		turns.Done(id, testQuantum, true)
	}
	require.Equal(t, []string{"a", "b", "c", "a", "b", "c"}, order)
}

func TestTurnsHasNobodyToServe(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	_, _, ok := turns.Next()
	require.False(t, ok)

	turns.Ready("a", 1)
	id, _, ok := turns.Next()
	require.True(t, ok)
	_, _, ok = turns.Next()
	require.False(t, ok, "a tenant has one turn at a time")
	turns.Ready(id, 1)
	require.Zero(t, turns.Waiting(), "a tenant that has its turn does not wait for another")
	turns.Done(id, 0, false)
	require.False(t, turns.Has(id))
}

func TestTurnsMakeADebtorWaitUntilItsRoundsHavePaid(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("slow", 1)
	turns.Ready("quick", 1)
	served := map[string]int{}
	for range 22 {
		id, _, ok := turns.Next()
		require.True(t, ok)
		served[id]++
		used := testQuantum
		if id == "slow" {
			used = 10 * testQuantum // ten rounds' worth in one turn
		}
		turns.Done(id, used, true)
	}
	require.Equal(t, map[string]int{"slow": 2, "quick": 20}, served)
}

func TestTurnsServeTheOnlyOneWhateverItOwes(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("a", 1)
	for range 100 {
		id, budget, ok := turns.Next()
		require.True(t, ok)
		require.Positive(t, budget)
		turns.Done(id, time.Hour, true)
	}
}

func TestTurnsKeepADebtOverAPauseAndNoCredit(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("a", 1)
	turns.Ready("b", 1)
	id, _, _ := turns.Next()
	require.Equal(t, "a", id)
	turns.Done("a", 3*testQuantum, false) // two rounds more than it had, and nothing more to do
	turns.Ready("a", 1)                   // at once it has
	var order []string
	for range 4 {
		id, budget, _ := turns.Next()
		require.LessOrEqual(t, budget, testQuantum, "nobody saves up")
		order = append(order, id)
		turns.Done(id, testQuantum, true)
	}
	require.Equal(t, []string{"b", "b", "b", "a"}, order)
}

func TestTurnsForgetATenantAnywhere(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	for _, id := range []string{"a", "b", "c"} {
		turns.Ready(id, 1)
	}
	id, _, _ := turns.Next()
	turns.Forget(id)  // while it has its turn
	turns.Forget("c") // while it waits
	turns.Forget("nobody")
	turns.Done(id, testQuantum, true)
	require.Equal(t, 1, turns.Waiting())
	id, _, _ = turns.Next()
	require.Equal(t, "b", id)
}

// Whatever the weights and costs, the time that backlogged tenants get is proportional to their weights,
// up to what one round and one overlong turn can differ by.
func TestTurnsShareTimeByWeight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "tenants")
		weights := make([]int, n)
		costs := make([]time.Duration, n)
		turns := NewTurns(testQuantum)
		for i := range n {
			weights[i] = rapid.IntRange(1, 5).Draw(t, "weight")
			costs[i] = time.Duration(rapid.IntRange(1, 100).Draw(t, "cost ms")) * time.Millisecond
			turns.Ready(fmt.Sprint(i), weights[i])
		}
		used := make([]time.Duration, n)
		for range 3000 {
			id, budget, ok := turns.Next()
			if !ok {
				t.Fatal("somebody waits and nobody is served")
			}
			var i int
			_, _ = fmt.Sscan(id, &i)
			events := int64(budget/costs[i]) + 1 // whole events, the last one overruns
			took := time.Duration(events * int64(costs[i]))
			used[i] += took
			turns.Done(id, took, true)
		}
		for i := range n {
			for j := range n {
				perWeight := func(k int) time.Duration { return used[k] / time.Duration(weights[k]) }
				slack := 2*testQuantum + costs[i]/time.Duration(weights[i]) + costs[j]/time.Duration(weights[j])
				if d := perWeight(i) - perWeight(j); d > slack {
					t.Fatalf("tenant %d (weight %d, cost %s) got %s per weight, tenant %d (weight %d, cost %s) %s",
						i, weights[i], costs[i], perWeight(i), j, weights[j], costs[j], perWeight(j))
				}
			}
		}
	})
}

// Nobody is left out: while a tenant waits that never owes, every other has at most two rounds, of two turns
// each of half of a round's time.
func TestTurnsLeaveNobodyOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		turns := NewTurns(testQuantum)
		waiting := map[string]int{} // how many turns went by since
		n := rapid.IntRange(1, 20).Draw(t, "tenants")
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprint(i)
		}
		for range 300 {
			if id := rapid.SampledFrom(ids).Draw(t, "ready"); !turns.Has(id) {
				turns.Ready(id, 1)
				waiting[id] = 0
			}
			if rapid.Bool().Draw(t, "serve") {
				continue
			}
			id, _, ok := turns.Next()
			if !ok {
				continue
			}
			delete(waiting, id)
			for other := range waiting {
				if waiting[other]++; waiting[other] > 4*n {
					t.Fatalf("tenant %s waited for %d turns of %d tenants", other, waiting[other], n)
				}
			}
			more := rapid.Bool().Draw(t, "more")
			turns.Done(id, rapid.SampledFrom([]time.Duration{testQuantum / 2, testQuantum}).Draw(t, "used"), more)
			if more {
				waiting[id] = 0
			}
		}
	})
}

func TestTurnsServeTheTenantThatHadNoWorkFirst(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	for _, id := range []string{"a", "b", "c"} {
		turns.Ready(id, 1)
	}
	serve := func(more bool) string {
		id, _, ok := turns.Next()
		require.True(t, ok)
		turns.Done(id, testQuantum, more)
		return id
	}
	require.Equal(t, "a", serve(true))
	turns.Ready("quiet", 1)
	require.Equal(t, []string{"b", "c", "quiet"}, []string{serve(true), serve(true), serve(false)}, "they came before it")
	turns.Ready("quiet", 1) // again, in the same round
	require.Equal(t, []string{"a", "b", "c", "quiet"}, []string{serve(true), serve(true), serve(true), serve(false)},
		"it has had its time in this round")
	require.Equal(t, "a", serve(true))
	for i := range 4 {
		turns.Ready("modest", 1)
		id, _, _ := turns.Next()
		require.Equal(t, "modest", id, "in front of the backlogs, until its time is used")
		turns.Done(id, testQuantum/4, i%2 == 0) // with news in its turn, or soon afterwards
	}
	turns.Ready("modest", 1) // its time in this round is used
	require.Equal(t, []string{"b", "c"}, []string{serve(true), serve(true)})
}

func TestTurnsForgetWhoHasLeftAndOwesNothing(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("busy", 1)
	for i := range 100 {
		turns.Ready(fmt.Sprint(i), 1)
	}
	for range 300 {
		id, _, _ := turns.Next()
		turns.Done(id, testQuantum, id == "busy")
	}
	require.Len(t, turns.shares, 1)
	require.Empty(t, turns.idle)
}

func TestTurnsForgiveTheRoundsThatPassDuringALongTurn(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("long", 1)
	turns.Ready("short", 1)
	id, _, _ := turns.Next()
	require.Equal(t, "long", id)
	for range 10 { // on another slot
		id, _, _ := turns.Next()
		require.Equal(t, "short", id)
		turns.Done(id, testQuantum, true)
	}
	turns.Done("long", 9*testQuantum, true)
	id, _, _ = turns.Next()
	require.Equal(t, "long", id, "nine quanta in ten rounds")
}

func TestTurnsTakeANewWeight(t *testing.T) {
	t.Parallel()
	turns := NewTurns(testQuantum)
	turns.Ready("a", 1)
	turns.Ready("a", 3) // while it waits
	id, budget, _ := turns.Next()
	require.Equal(t, 3*testQuantum, budget)
	turns.Ready(id, -1)
	turns.Done(id, 3*testQuantum, true)
	_, budget, _ = turns.Next()
	require.Equal(t, testQuantum, budget, "the least weight is 1")
}

// Ten thousand tenants that all overdraw are the most work for Next, and losing all leases for Forget.
func BenchmarkTurns(b *testing.B) {
	const n = 10_000
	ready := func() *Turns {
		turns := NewTurns(testQuantum)
		for i := range n {
			turns.Ready(fmt.Sprint(i), 1)
		}
		return turns
	}
	for _, overdraw := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("next and done, %d quanta each", overdraw), func(b *testing.B) {
			turns := ready()
			for b.Loop() {
				id, _, _ := turns.Next()
				turns.Done(id, time.Duration(overdraw)*testQuantum, true)
			}
		})
	}
	b.Run("forget all", func(b *testing.B) {
		for b.Loop() {
			turns := ready()
			for i := range n {
				turns.Forget(fmt.Sprint(i))
			}
		}
	})
}
