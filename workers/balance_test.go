package workers

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatAProcessHandsOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spread  spread
		surplus int
	}{
		"alone":                         {spread{held: 1000}, 0},
		"nobody holds anything":         {spread{peers: []int{0, 0}}, 0},
		"one tenant has nowhere to go":  {spread{held: 1, peers: []int{0}}, 0},
		"two tenants, somebody joined":  {spread{held: 2, peers: []int{0}}, 1},
		"somebody joined":               {spread{held: 100, peers: []int{0}}, 50},
		"two joined":                    {spread{held: 100, peers: []int{0, 0}}, 66},
		"few are shared exactly":        {spread{held: 5, peers: []int{3}}, 1},
		"of many a tenth is tolerated":  {spread{held: 110, peers: []int{90}}, 0},
		"and no more":                   {spread{held: 111, peers: []int{89}}, 11},
		"who holds less keeps all":      {spread{held: 10, peers: []int{90}}, 0},
		"an odd one is nobody's excess": {spread{held: 3, peers: []int{2}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.surplus, c.spread.surplus())
		})
	}
}

func TestWhatAProcessTakesAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spread      spread
		fresh, room int
	}{
		"alone it takes all":                {spread{held: 1000}, 10, 10},
		"half of what is new":               {spread{peers: []int{0}}, 1000, 500},
		"equals race for a single one":      {spread{held: 5, peers: []int{5}}, 1, 1},
		"who holds more stands back":        {spread{held: 6, peers: []int{5}}, 1, 0},
		"who holds less fills up":           {spread{held: 10, peers: []int{20}}, 10, 10},
		"who holds far more takes nothing":  {spread{held: 100, peers: []int{0}}, 100, 0},
		"nothing is wanted of who has room": {spread{peers: []int{100}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.room, c.spread.room(c.fresh, 0))
		})
	}
}

// cluster is a model of some processes that share tenants: what each holds, and what it knew of the
// others when it met them last.
type cluster struct {
	held  []int
	known [][]int
	moved int
}

func newCluster(held []int) *cluster {
	c := &cluster{held: held, known: make([][]int, len(held))}
	for i := range held {
		c.meet(i)
	}
	return c
}

func (c *cluster) meet(i int) {
	c.known[i] = slices.Delete(slices.Clone(c.held), i, i+1)
}

func (c *cluster) spread(i int) spread { return spread{held: c.held[i], peers: c.known[i]} }

// free lets the processes take tenants in an order that nobody determines: each as much as it has room
// for, which they find out by news that may be old, and what is left then whoever comes first.
func (c *cluster) free(t *rapid.T, fresh, freed int, but int) {
	n := fresh + freed
	order := rapid.Permutation(indexes(len(c.held))).Draw(t, "order")
	for _, i := range order {
		if i != but {
			took := min(c.spread(i).room(fresh, freed), n)
			c.held[i], n = c.held[i]+took, n-took
		}
	}
	for ; n > 0; n-- {
		c.held[rapid.SampledFrom(order).Draw(t, "first")]++
	}
}

// tick is the renewal of one process.
func (c *cluster) tick(t *rapid.T, i int) {
	c.meet(i)
	if n := c.spread(i).surplus(); n > 0 {
		c.held[i] -= n
		c.moved += n
		c.free(t, 0, n, i)
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestTheSpreadConvergesAndStaysStill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.SliceOfN(rapid.IntRange(0, 500), 1, 8).Draw(t, "held"))
		if rapid.Bool().Draw(t, "one dies") && len(c.held) > 1 {
			orphans := c.held[len(c.held)-1]
			c = newCluster(c.held[:len(c.held)-1])
			c.free(t, orphans, 0, -1)
		}
		for range 3 { // all tick once in each round, one after the other in any order
			for _, i := range rapid.Permutation(indexes(len(c.held))).Draw(t, "round") {
				c.tick(t, i)
			}
		}
		total := 0
		for _, n := range c.held {
			total += n
		}
		for i := range c.held {
			share := (total + len(c.held) - 1) / len(c.held)
			require.LessOrEqual(t, c.held[i], share+share/tolerance)
		}
		c.moved = 0
		for range 3 {
			for i := range c.held {
				c.tick(t, i)
			}
		}
		require.Zero(t, c.moved, "nothing moves any more: %v", c.held)
	})
}

func TestATenantThatWasFreedIsLeftToWhoHasFewer(t *testing.T) {
	t.Parallel()
	require.Zero(t, spread{held: 1, peers: []int{2, 1, 0}}.room(0, 1), "it counts among the 2 of who gave it up")
	require.Equal(t, 1, spread{held: 0, peers: []int{1, 2, 1}}.room(0, 1))
	require.Equal(t, 4, spread{held: 1, peers: []int{9}}.room(0, 4))
	require.Equal(t, 4, spread{held: 1, peers: []int{9}}.room(0, 5), "its share, and no more")
}

// TestSomebodyTakesWhatIsFree: processes that see the spread as it is have room for everything.
func TestSomebodyTakesWhatIsFree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.SliceOfN(rapid.IntRange(0, 500), 1, 8).Draw(t, "held"))
		wanted, room := rapid.IntRange(0, 1000).Draw(t, "wanted"), 0
		for i := range c.held {
			room += c.spread(i).room(wanted, 0)
		}
		require.GreaterOrEqual(t, room, wanted)
	})
}
