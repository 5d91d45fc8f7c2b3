//go:build !linux

package bench

import "time"

// cpuTime is not known here.
func cpuTime(int, bool) (used time.Duration, known bool) { return 0, false }

func parentOf(int) int { return 0 }
