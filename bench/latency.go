package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// stopwatch is a broker that notes when an aggregate's event was acknowledged by the real one.
type stopwatch struct {
	workers.Publisher

	mu    sync.Mutex
	acked map[string]time.Time
}

func (s *stopwatch) Publish(ctx context.Context, events []workers.Event) []error {
	errs := s.Publisher.Publish(ctx, events)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range events {
		if errs[i] == nil && e.Name == "User.created" {
			s.acked[e.AggregateID] = now
		}
	}
	return errs
}

// commit is a user that was created, and when.
type commit struct {
	userID string
	at     time.Time
}

// latencies commits at a steady rate, over the given tenants in turns, while the pool publishes; and
// returns the times from commit to acknowledgement, sorted.
func (w *world) latencies(ctx context.Context, among []tenants.Tenant, perSecond int, duration time.Duration) ([]time.Duration, error) {
	watch := &stopwatch{Publisher: w.set.Publisher, acked: make(map[string]time.Time)}
	stop, err := w.startPool(ctx, watch)
	if err != nil {
		return nil, err
	}
	commits, err := w.commitSteadily(ctx, among, perSecond, duration)
	if err == nil {
		err = watch.awaitAll(ctx, commits)
	}
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	return watch.since(commits), err
}

// startPool runs the program's pool until stop, with its hints.
func (w *world) startPool(ctx context.Context, publisher workers.Publisher) (stop func() error, err error) {
	pool, err := workers.New(workers.Config{}, workers.Parts{
		Cluster: w.clusters.Home(), Source: w.set.Source(w.clusters.Home()), Publisher: publisher, Hints: w.hints,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

// committers is how many goroutines keep up the rate.
const committers = 8

func (w *world) commitSteadily(ctx context.Context, among []tenants.Tenant, perSecond int, duration time.Duration) ([]commit, error) {
	total := int(float64(perSecond) * duration.Seconds())
	commits := make([]commit, total)
	began := time.Now()
	service := user.NewService()
	group, ctx := errgroup.WithContext(ctx)
	for g := range committers {
		group.Go(func() error {
			for i := g; i < total; i += committers {
				if err := sleepUntil(ctx, began.Add(time.Duration(i)*time.Second/time.Duration(perSecond))); err != nil {
					return err
				}
				tenant := among[i%len(among)]
				actor := tenants.Actor{TenantID: tenant.ID, UserID: "bench", Roles: []tenants.Role{tenants.Admin}}
				created, err := service.Create(ctx, actor, w.clusters.Home().Scope(tenant.Placement()),
					user.Input{Email: uuid.NewString() + "@example.com", Name: "Ada Lovelace", Role: user.Member})
				if err != nil {
					return fmt.Errorf("create a user: %w", err)
				}
				commits[i] = commit{created.ID, time.Now()}
			}
			return nil
		})
	}
	return commits, group.Wait()
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// awaitAll waits until every commit was acknowledged.
func (s *stopwatch) awaitAll(ctx context.Context, commits []commit) error {
	deadline := time.Now().Add(time.Minute)
	for {
		s.mu.Lock()
		missing := 0
		for _, c := range commits {
			if _, ok := s.acked[c.userID]; !ok {
				missing++
			}
		}
		s.mu.Unlock()
		switch {
		case missing == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d events were not published within a minute", missing, len(commits))
		}
		if err := sleepUntil(ctx, time.Now().Add(10*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (s *stopwatch) since(commits []commit) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for _, c := range commits {
		if acked, ok := s.acked[c.userID]; ok {
			all = append(all, max(acked.Sub(c.at), 0))
		}
	}
	slices.Sort(all)
	return all
}

// percentile is in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := min(int(p*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[i].Microseconds()) / 1000
}
