package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/tenants"
)

// timed is how long the events of a load took.
type timed struct {
	// sorted are the times from commit to acknowledgement.
	sorted []time.Duration
	// missing is how many were not acknowledged within the patience; their time is until then.
	missing int
	// rate is how many events a second were committed.
	rate float64
}

// measured publishes in one way while others commit at a steady rate, and then waits for what is missing.
func (l *lab) measured(ctx context.Context, publish way, t target, load load, patience time.Duration) (timed, error) {
	watch := newSightings()
	t.publisher = stopwatch{t.publisher, watch}
	run, err := publish(ctx, l, t)
	if err != nil {
		return timed{}, err
	}
	stop := start(ctx, run)
	commits, err := load.commit(ctx, l.world)
	if err == nil {
		err = watch.await(ctx, commits, patience)
	}
	var found timed
	if err == nil {
		commits = commits[load.uncounted:]
		found.sorted, found.missing = watch.times(commits)
		found.rate = float64(len(commits)) / commits[len(commits)-1].at.Sub(commits[0].at).Seconds()
	}
	if stopErr := stop.wait(); err == nil {
		err = stopErr
	}
	return found, err
}

// load is users that are created at a steady rate, by the tenants in turns.
type load struct {
	among     []tenant
	perSecond int
	duration  time.Duration
	// uncounted is how many come before, so that caches and connections are warm and leases held.
	uncounted int
}

// committers is how many goroutines keep up the rate.
const committers = 8

// commit creates the users through the program's service. It takes longer when the machine does not
// keep up.
func (d load) commit(ctx context.Context, w *world) ([]commit, error) {
	w.written(d.among)
	ctx, cancel := context.WithTimeout(ctx, d.duration+most)
	defer cancel()
	total := d.uncounted + max(int(float64(d.perSecond)*d.duration.Seconds()), 2)
	commits := make([]commit, total)
	began := time.Now()
	service := user.NewService()
	group, ctx := errgroup.WithContext(ctx)
	for g := range committers {
		group.Go(func() error {
			for i := g; i < total; i += committers {
				if err := sleepUntil(ctx, began.Add(time.Duration(i)*time.Second/time.Duration(d.perSecond))); err != nil {
					return err
				}
				id, err := w.createUser(ctx, service, d.among[i%len(d.among)])
				if err != nil {
					return err
				}
				commits[i] = commit{id, time.Now()}
			}
			return nil
		})
	}
	return commits, group.Wait()
}

func (w *world) createUser(ctx context.Context, service *user.Service, t tenant) (string, error) {
	actor := tenants.Actor{TenantID: t.ID, UserID: "bench", Roles: []tenants.Role{tenants.Admin}}
	created, err := service.Create(ctx, actor, w.clusters.Home().Scope(t.Placement()),
		user.Input{Email: uuid.NewString() + "@example.com", Name: "Ada Lovelace", Role: user.Member})
	if err != nil {
		return "", fmt.Errorf("create a user: %w", err)
	}
	return created.ID, nil
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
