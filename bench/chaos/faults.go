package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// injector does what the schedule says.
type injector struct {
	world *world

	mu       sync.Mutex
	injected map[Kind]int
	errs     []error
}

// run begins each fault at its time and returns when all are over. What one of them stopped runs again
// then, unless its error says otherwise.
func (i *injector) run(ctx context.Context, began time.Time, faults []Fault) error {
	var running sync.WaitGroup
	for n, f := range faults {
		if !rest(ctx, time.Until(began.Add(f.At))) {
			break
		}
		i.world.config.Log.InfoContext(ctx, "fault", "number", n+1, "of", len(faults), "what", f.String())
		running.Go(func() { i.note(f, i.inject(ctx, n, f)) })
	}
	running.Wait()
	return errors.Join(append(i.errs, ctx.Err())...)
}

func (i *injector) note(f Fault, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case err == nil:
		i.injected[f.Kind]++
	case errors.Is(err, errNobodyFree): // then it is not injected, and not counted
	default:
		i.errs = append(i.errs, fmt.Errorf("%s at %s: %w", f.Kind, f.At, err))
	}
}

func (i *injector) inject(ctx context.Context, n int, f Fault) error {
	w := i.world
	switch f.Kind {
	case KillWorker:
		return w.crew.kill(ctx, f.Pick, f.For)
	case FreezeWorker:
		return w.crew.freeze(ctx, f.Pick, f.For)
	case ReplaceWorker:
		return w.crew.replace(ctx, f.Pick)
	case CutConnections:
		return w.cutConnections(ctx, f.Pick)
	case RestartPostgres:
		return w.restartPostgres(ctx, w.postgres.RestartFast)
	case CrashPostgres:
		return w.restartPostgres(ctx, w.postgres.Restart)
	case StopBroker:
		return w.broker.outage(ctx, true, f.For)
	case KillBroker:
		return w.broker.outage(ctx, false, f.For)
	case OnboardTenant:
		return w.onboard(ctx, fmt.Sprintf("late-%d", n))
	case SuspendTenant:
		return w.suspend(ctx, f.Pick, f.For)
	default:
		return fmt.Errorf("no such fault: %s", f.Kind)
	}
}

// cutConnections terminates half of the sessions of the application's and the owner's login.
func (w *world) cutConnections(ctx context.Context, pick uint64) error {
	return w.exec(ctx, fmt.Sprintf(`select count(pg_terminate_backend(pid)) from pg_stat_activity
		where usename like 'tenantry\_%%' and pid %% 2 = %d`, pick%2))
}

func (w *world) restartPostgres(ctx context.Context, restart func(context.Context) error) error {
	w.restarting.Lock()
	defer w.restarting.Unlock()
	return restart(ctx)
}

// suspend closes the doors of the picked tenant for a while.
func (w *world) suspend(ctx context.Context, pick uint64, away time.Duration) error {
	all := w.all()
	slug := all[pick%uint64(len(all))].Slug
	if err := w.operate(ctx, slug, w.api.Tenants().Suspend); err != nil {
		return err
	}
	rest(ctx, away)
	return w.operate(ctx, slug, w.api.Tenants().Resume)
}

func (w *world) operate(
	ctx context.Context, slug string, verb func(context.Context, tenants.Actor, string) (tenants.Tenant, error),
) error {
	return persist(ctx, func(ctx context.Context) error {
		_, err := verb(ctx, operator(), slug)
		return err
	})
}
