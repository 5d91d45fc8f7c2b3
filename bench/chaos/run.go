package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Run disturbs the program under load as the configuration says, waits until it has settled, and compares
// what was committed with what came. The report is there also when something was found; an error means
// that the run itself could not be made.
func Run(ctx context.Context, config Config) (report *Report, err error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	log := config.Log
	log.InfoContext(ctx, "starting servers and tenants", "seed", config.Seed, "tenants", config.Tenants)
	w, err := openWorld(ctx, config)
	defer func() {
		interrupted := errors.Is(err, context.Canceled)
		keep := !interrupted && (err != nil || !report.OK)
		err = errors.Join(err, w.close(ctx, keep))
		if keep && w.dir != "" {
			log.WarnContext(ctx, "the logs of all processes were kept", "folder", w.dir)
		}
	}()
	if err != nil {
		return nil, err
	}
	report = newReport(ctx, w)
	if err := w.disturb(ctx, report); err != nil {
		return nil, err
	}
	return report, nil
}

// disturb is the run, once everything has started.
func (w *world) disturb(ctx context.Context, report *Report) error {
	load, injector := newLoad(w), &injector{world: w, injected: report.Injected}
	log := w.config.Log
	log.InfoContext(ctx, "the load begins", "writes a second", w.config.Rate, "faults", len(report.Schedule))
	began := time.Now()
	loading, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	var writing sync.WaitGroup
	writing.Go(func() { load.run(loading, w.config.Rate) })
	err := injector.run(ctx, began, w.config.schedule())
	rest(ctx, time.Until(began.Add(w.config.Duration))) // and longer, when faults had to wait for each other
	stopLoad()
	writing.Wait()
	if err != nil {
		return fmt.Errorf("inject the faults: %w", err)
	}
	log.InfoContext(ctx, "load and faults are over; waiting until all is published")
	began = time.Now()
	left, err := w.settle(ctx)
	if err != nil {
		return err
	}
	report.SettledSeconds = time.Since(began).Seconds()
	w.crew.stop(ctx)
	log.InfoContext(ctx, "comparing", "not published", left)
	o, dropped, err := w.observe(ctx, load.writes)
	if err != nil {
		return err
	}
	report.finish(o, dropped, load, w.crew)
	return nil
}
