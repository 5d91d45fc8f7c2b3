// Package bench measures the program beside what it is compared to, in one run on one machine.
//
// Every figure is a ratio to something measured moments before under the same conditions: absolute
// speeds of a machine that others use too say little.
package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// world is the servers and tenants that a run measures, its own and gone afterwards.
type world struct {
	dir      string
	postgres *embedded.Postgres
	broker   *embedded.NATS
	conn     *nats.Conn
	js       jetstream.JetStream
	settings config.Settings
	clusters *tenants.Clusters
	service  *tenants.Service
	set      module.Set
	owner    *pgxpool.Pool // the superuser: it fills tables and looks at them
	hints    *workers.NATSHints
	tenants  []tenants.Tenant

	closers []func()
}

// poolSize is how many connections the program may open, as in its default settings.
const poolSize = 16

// openWorld starts a PostgreSQL that syncs its commits and a JetStream with file storage.
func openWorld(ctx context.Context, syncAlways bool) (w *world, err error) {
	w = &world{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "tenantry-bench-"); err != nil {
		return w, fmt.Errorf("make a folder: %w", err)
	}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(w.dir) })
	if w.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: w.dir, Log: slog.New(slog.DiscardHandler)}); err != nil {
		return w, err
	}
	w.closers = append(w.closers, func() {
		_ = w.postgres.Stop(context.WithoutCancel(ctx))
		if target, err := filepath.EvalSymlinks(filepath.Join(w.dir, "postgres")); err == nil {
			_ = os.RemoveAll(target)
		}
	})
	if w.broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: w.dir, SyncAlways: syncAlways}); err != nil {
		return w, err
	}
	w.closers = append(w.closers, w.broker.Stop)
	return w, w.connect(ctx)
}

func (w *world) connect(ctx context.Context) (err error) {
	if w.conn, err = nats.Connect(w.broker.URL()); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	w.closers = append(w.closers, w.conn.Close)
	if w.js, err = jetstream.New(w.conn, jetstream.WithPublishAsyncMaxPending(1<<14)); err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	if w.settings, err = config.Load(nil); err != nil {
		return err
	}
	w.settings.DatabaseURL, w.settings.OwnerDatabaseURL = w.postgres.AppURL(), w.postgres.OwnerURL()
	w.settings.NATSURL, w.settings.DatabasePoolSize = w.broker.URL(), poolSize
	w.hints = workers.NewNATSHints(w.conn, tenants.HomeCluster)
	w.closers = append(w.closers, w.hints.Close)
	//nolint:contextcheck // the pools outlive the start
	if w.clusters, err = tenants.OpenClusters(w.settings, tenants.Options{
		OnCommit: func(_, tenantID string) { w.hints.Touch(tenantID) },
	}); err != nil {
		return err
	}
	w.closers = append(w.closers, w.clusters.Close)
	w.service = tenants.NewService(w.clusters, func() []tenants.OnboardHook { return w.set.OnboardHooks() })
	if w.set, err = modules.Build(module.Env{
		Clusters: w.clusters, Tenants: w.service, NATS: w.conn, JetStream: w.js,
		Duplicate: func() {}, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		return err
	}
	if w.owner, err = pgxpool.New(ctx, w.postgres.URL("postgres", "tenantry")); err != nil {
		return fmt.Errorf("connect as the superuser: %w", err)
	}
	w.closers = append(w.closers, w.owner.Close)
	return tenants.MigrateControl(ctx, w.clusters)
}

func (w *world) close() {
	for _, closer := range slices.Backward(w.closers) {
		closer()
	}
}

var operator = tenants.Actor{UserID: "bench", Roles: []tenants.Role{tenants.Operator}} //nolint:gochecknoglobals // a constant

// onboard makes n tenants through the program's own onboarding, and returns how long that took.
func (w *world) onboard(ctx context.Context, n int) (time.Duration, error) {
	began := time.Now()
	first := len(w.tenants)
	w.tenants = append(w.tenants, make([]tenants.Tenant, n)...)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := first; i < first+n; i++ {
		group.Go(func() (err error) {
			slug := fmt.Sprintf("tenant-%d", i)
			w.tenants[i], _, err = w.service.Onboard(ctx, operator, tenants.OnboardRequest{
				Slug: slug, Name: slug, OwnerEmail: "owner@" + slug + ".example", OwnerName: "Owner",
			})
			return err
		})
	}
	return time.Since(began), group.Wait()
}

// reset gives every tenant a history and a backlog of the same size, and an empty stream.
func (w *world) reset(ctx context.Context, history, backlog int) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, t := range w.tenants {
		group.Go(func() error { return w.fill(groupCtx, t.SchemaName, history, backlog) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if _, err := w.owner.Exec(ctx, "checkpoint"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := w.js.DeleteStream(ctx, streamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete the stream: %w", err)
	}
	_, err := w.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{"events.>"}, Storage: jetstream.FileStorage, Duplicates: 30 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("create the stream: %w", err)
	}
	return nil
}

const streamName = "EVENTS"

// fill writes events of about 400 bytes over a thousand aggregates; the first ones are published.
func (w *world) fill(ctx context.Context, schema string, history, backlog int) error {
	for _, sql := range []string{
		`truncate %[1]s.events, %[1]s.outbox_messages, %[1]s.deliveries, %[1]s.inbox restart identity`,
		`insert into %[1]s.events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
		 select gen_random_uuid(), 'User.updated', 'User', md5((i %% 1000)::text)::uuid, i / 1000 + 1,
		        '0197a9d0-0000-7000-8000-000000000001', 'req-' || i,
		        jsonb_build_object('changes', jsonb_build_object('name',
		          jsonb_build_object('from', repeat('a', 60), 'to', repeat('b', 60)))),
		        now() from generate_series(1, %[2]d) i`,
		`insert into %[1]s.outbox_messages (seq, status, created_at, published_at)
		 select seq, case when seq > %[3]d then 'unpublished' else 'published' end, created_at,
		        case when seq <= %[3]d then created_at end from %[1]s.events`,
		`analyze %[1]s.events, %[1]s.outbox_messages`,
	} {
		if _, err := w.owner.Exec(ctx, fmt.Sprintf(sql, schema, history+backlog, history)); err != nil {
			return fmt.Errorf("fill %s: %w", schema, err)
		}
	}
	return nil
}
