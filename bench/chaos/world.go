package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/tenants"
)

// world is the servers, processes and tenants of a run, its own and gone afterwards.
type world struct {
	config   Config
	dir      string
	settings config.Settings
	postgres *embedded.Postgres
	// restarting lets one fault at a time restart PostgreSQL.
	restarting sync.Mutex
	broker     *broker
	crew       *crew
	api        *app.App
	// superuser looks at the tables and makes those of the effects.
	superuser *pgxpool.Pool

	mu      sync.Mutex
	tenants []tenants.Tenant

	closers []func(ctx context.Context) error
}

// openWorld starts everything but the load. What was started is closed by close, also after an error.
func openWorld(ctx context.Context, config Config) (*world, error) {
	w := &world{config: config}
	for _, step := range []func(context.Context) error{w.startServers, w.startAPI, w.onboardAll, w.startWorkers} {
		if err := step(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *world) startServers(ctx context.Context) (err error) {
	if w.dir, err = os.MkdirTemp("", "tenantry-chaos-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	synced := map[string]string{"fsync": "on", "full_page_writes": "on"}
	if w.config.Unsynced {
		synced = nil
	}
	if w.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Throwaway: true, Settings: synced}); err != nil {
		return err
	}
	w.closers = append(w.closers, func(ctx context.Context) error { // its files go, so it need not write them out
		return errors.Join(w.postgres.Kill(), w.postgres.Stop(ctx))
	})
	if w.broker, err = startBroker(ctx, w.dir); err != nil {
		return err
	}
	w.closers = append(w.closers, func(ctx context.Context) error { return w.broker.running.stop(ctx) })
	if w.superuser, err = pgxpool.New(ctx, w.postgres.URL("postgres", "tenantry")); err != nil {
		return fmt.Errorf("connect as the superuser: %w", err)
	}
	w.closers = append(w.closers, func(context.Context) error { w.superuser.Close(); return nil })
	return nil
}

// environ is the settings of the run's processes. Waits are short, so that a run holds many rounds of
// them; an event is never given up, because only an operator could bring it back.
func (w *world) environ() []string {
	return []string{
		"TENANTRY_DATABASE_URL=" + w.postgres.AppURL(), "TENANTRY_NATS_URL=" + w.broker.url(),
		"TENANTRY_LISTEN=127.0.0.1:0", "TENANTRY_METRICS_LISTEN=", "TENANTRY_DATABASE_POOL_SIZE=12",
		"TENANTRY_LOG_LEVEL=warn", "TENANTRY_LOG_FORMAT=text", "TENANTRY_SHUTDOWN_TIMEOUT=15s",
		"TENANTRY_WORKER_LEASE_TTL=" + w.config.LeaseTTL.String(), "TENANTRY_WORKER_SWEEP_INTERVAL=500ms",
		"TENANTRY_WORKER_RETRY_MIN=50ms", "TENANTRY_WORKER_RETRY_MAX=1s", "TENANTRY_WORKER_MAX_ATTEMPTS=100",
	}
}

// startAPI starts the doors in this process, over schemas that were migrated before.
func (w *world) startAPI(ctx context.Context) (err error) {
	secret := "TENANTRY_JWT_SECRET=" + uuid.NewString() + uuid.NewString()
	if w.settings, err = config.Load(append(w.environ(), secret, "TENANTRY_OWNER_DATABASE_URL="+w.postgres.OwnerURL())); err != nil {
		return err
	}
	//nolint:contextcheck // pools outlive the start
	clusters, err := tenants.OpenClusters(w.settings, tenants.Options{})
	if err != nil {
		return err
	}
	defer clusters.Close()
	if err := tenants.MigrateControl(ctx, clusters); err != nil {
		return err
	}
	log, err := os.Create(w.file("api.log"))
	if err != nil {
		return fmt.Errorf("open the API's log: %w", err)
	}
	w.closers = append(w.closers, func(context.Context) error { return log.Close() })
	w.api, err = app.Start(ctx, app.Config{
		Settings: w.settings, Build: modules.Build, API: true, Version: "chaos",
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.api.Stop)
	return nil
}

func (w *world) file(name string) string { return w.dir + string(os.PathSeparator) + name }

func (w *world) startWorkers(ctx context.Context) (err error) {
	w.crew, err = startCrew(ctx, w.dir, w.environ(), w.config.Workers)
	w.closers = append(w.closers, func(ctx context.Context) error { w.crew.stop(ctx); return nil })
	return err
}

func operator() tenants.Actor {
	return tenants.Actor{UserID: "chaos", Roles: []tenants.Role{tenants.Operator}, RequestID: "chaos"}
}

func (w *world) onboardAll(ctx context.Context) error {
	group, onboarding := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range w.config.Tenants {
		group.Go(func() error { return w.onboard(onboarding, fmt.Sprintf("tenant-%d", i)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// What this wrote is on the disk before the load begins, so that recoveries replay the load alone.
	return w.exec(ctx, "checkpoint")
}

// onboard makes a tenant, however often that is interrupted, and a table for the effects in its schema.
func (w *world) onboard(ctx context.Context, slug string) error {
	var tenant tenants.Tenant
	err := persist(ctx, func(ctx context.Context) (err error) {
		tenant, _, err = w.api.Tenants().Onboard(ctx, operator(), tenants.OnboardRequest{
			Slug: slug, Name: slug, OwnerEmail: "owner@" + slug + ".example", OwnerName: "Owner",
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("onboard %s: %w", slug, err)
	}
	sql := fmt.Sprintf(effectsTable, quoted(tenant.SchemaName), quoted(tenant.RoleName))
	if err := w.exec(ctx, sql); err != nil {
		return fmt.Errorf("make the table of effects: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tenants = append(w.tenants, tenant)
	return nil
}

// exec runs statements that may be repeated, as the superuser.
func (w *world) exec(ctx context.Context, sql string) error {
	return persist(ctx, func(ctx context.Context) error {
		_, err := w.superuser.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		return err //nolint:wrapcheck // the caller says what it was for
	})
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// all are the tenants at this moment.
func (w *world) all() []tenants.Tenant {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tenants)
}

// close ends everything in reverse order. The folder is left when keep says so.
func (w *world) close(ctx context.Context, keep bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var errs []error
	for _, closer := range slices.Backward(w.closers) {
		errs = append(errs, closer(ctx))
	}
	if !keep && w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}
