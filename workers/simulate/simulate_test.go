package simulate

import (
	"testing"
	"time"
)

func TestX(t *testing.T) {
	for _, n := range []int{10, 100, 1000, 10000} {
		for i, load := range []Load{
			{Backlogged: n}, {Backlogged: n, Hanging: n / 100}, {Backlogged: n, Single: 1000}, {Backlogged: n, Single: 1000, Casual: 5000, Rate: 300}, {Backlogged: n, Single: 1000, Casual: 5000, Rate: 300, Hanging: n / 100}} {
			if n == 10000 && i < 4 {
				continue
			}
			load.Seed = 1
			load.Time = max(time.Duration(n)*125*time.Millisecond, 10*time.Second)
			b := time.Now()
			r := Run(load, Fair)
			t.Logf("%d/%d %s: %+v", n, i, time.Since(b), r)
		}
	}
}
