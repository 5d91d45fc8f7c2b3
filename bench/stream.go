package bench

import (
	"context"
	"fmt"
	"time"
)

// sample is how many events the stream had at a time.
type sample struct {
	at     time.Time
	events int
}

// sampleEvery is how often the stream is asked.
const sampleEvery = 25 * time.Millisecond

// published is how many events the stream has: repeats are dropped there.
func (w *world) published(ctx context.Context) (int, error) {
	stream, err := w.js.Stream(ctx, streamName)
	if err != nil {
		return 0, fmt.Errorf("look into the stream: %w", err)
	}
	return int(stream.CachedInfo().State.Msgs), nil //nolint:gosec // a bench's stream is small
}

// watch samples the stream until enough says so, or most has passed. A broker that is away is asked
// again.
func (w *world) watch(ctx context.Context, enough func(all []sample) bool) ([]sample, error) {
	var all []sample
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		n, err := w.published(asking)
		cancel()
		if err == nil {
			all = append(all, sample{time.Now(), n})
			if enough(all) {
				return all, nil
			}
		}
		if err := sleepUntil(ctx, time.Now().Add(sampleEvery)); err != nil {
			return all, err
		}
	}
	return all, nil
}

// rate is the events per second between two samples.
func rate(from, to sample) float64 {
	if !to.at.After(from.at) {
		return 0
	}
	return float64(to.events-from.events) / to.at.Sub(from.at).Seconds()
}
