package bench

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tenantry/tenantry/workers"
)

// commit is an aggregate that was created, and when.
type commit struct {
	id string
	at time.Time
}

// sightings are when the event of each aggregate was seen for the first time.
type sightings struct {
	mu sync.Mutex
	at map[string]time.Time
}

func newSightings() *sightings { return &sightings{at: make(map[string]time.Time)} }

// see notes an event, if it is one of those that are waited for.
func (s *sightings) see(e *workers.Event, now time.Time) {
	if e.Name != createdEvent {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.at[e.AggregateID]; !known {
		s.at[e.AggregateID] = now
	}
}

// createdEvent is what the loads record; a backlog is of other events.
const createdEvent = "User.created"

// times are from each commit until it was seen, sorted. What was not seen has waited until now; missing
// says how many these are.
func (s *sightings) times(commits []commit) (all []time.Duration, missing int) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range commits {
		seen, ok := s.at[c.id]
		if !ok {
			missing++
			seen = now
		}
		all = append(all, max(seen.Sub(c.at), 0))
	}
	slices.Sort(all)
	return all, missing
}

// await waits until every commit was seen, but no longer than patience.
func (s *sightings) await(ctx context.Context, commits []commit, patience time.Duration) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, missing := s.times(commits); missing == 0 {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(20*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// stopwatch is a broker that sees what the one behind it has acknowledged.
type stopwatch struct {
	workers.Publisher

	seen *sightings
}

// Publish implements workers.Publisher.
func (s stopwatch) Publish(ctx context.Context, events []workers.Event) []error {
	errs := s.Publisher.Publish(ctx, events)
	now := time.Now()
	for i := range events {
		if errs[i] == nil {
			s.seen.see(&events[i], now)
		}
	}
	return errs
}

// lookout is a source that sees what is read from it.
type lookout struct {
	workers.Source

	seen *sightings
}

// Read implements workers.Source.
func (l lookout) Read(ctx context.Context, lease workers.Lease, want workers.Want) (workers.Batch, error) {
	batch, err := l.Source.Read(ctx, lease, want)
	now := time.Now()
	for i := range batch.Messages {
		l.seen.see(&batch.Messages[i].Event, now)
	}
	return batch, err
}
