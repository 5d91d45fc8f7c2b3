package outbox

import "time"

// clock relates the process's time to the cluster's, which in a test stands still or jumps.
type clock struct {
	now   time.Time     // the cluster's
	ahead time.Duration // how far the cluster's clock is ahead of the process's
}

func (s *Source) clock() clock {
	now := s.cluster.Now()
	return clock{now: now, ahead: time.Until(now)}
}

// database is a time of the process in the cluster's clock.
func (c clock) database(t time.Time) time.Time {
	return t.Add(c.ahead).UTC().Truncate(time.Microsecond)
}
