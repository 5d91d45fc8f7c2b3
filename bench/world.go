// Package bench measures the program beside what it is compared to, in one run on one machine.
//
// Every figure is a ratio to something measured moments before under the same conditions: absolute
// speeds of a machine that others use too say little. Each scenario is a file, which says what it
// measures and how; the ways to publish that the program is compared to exist only here.
package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

type tenant = tenants.Tenant

// world is the servers and tenants that a run measures, its own and gone afterwards.
type world struct {
	dir      string
	opened   time.Time
	postgres *embedded.Postgres
	broker   *embedded.NATS
	conn     *nats.Conn
	js       jetstream.JetStream
	settings config.Settings
	clusters *tenants.Clusters
	service  *tenants.Service
	set      module.Set
	owner    *pgxpool.Pool // the superuser: it fills tables and looks at them
	watcher  *pgxpool.Pool // the superuser in another database, where its own queries do not count
	hints    *workers.NATSHints
	all      []tenant

	mu     sync.Mutex
	filled map[string]int // how many events of ours and no others a schema has

	closers []func()
}

// poolSize is how many connections the program may open, as in its default settings.
const poolSize = 16

// openWorld starts a PostgreSQL that syncs its commits and a JetStream with file storage. In a folder
// that is given they find what an earlier run left.
func openWorld(ctx context.Context, dir string) (w *world, err error) {
	w = &world{dir: dir, opened: time.Now(), filled: make(map[string]int)}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err = w.makeFolder(); err != nil {
		return w, err
	}
	quiet := slog.New(slog.DiscardHandler)
	if w.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: w.dir, Log: quiet}); err != nil {
		return w, err
	}
	w.closers = append(w.closers, func() { _ = w.postgres.Stop(context.WithoutCancel(ctx)) })
	if err = w.startBroker(""); err != nil {
		return w, err
	}
	w.closers = append(w.closers, func() { w.broker.Stop() })
	for _, step := range []func(context.Context) error{w.connect, w.openClusters, w.look} {
		if err = step(ctx); err != nil {
			return w, err
		}
	}
	return w, tenants.MigrateControl(ctx, w.clusters)
}

func (w *world) makeFolder() (err error) {
	if w.dir != "" {
		return nil
	}
	if w.dir, err = os.MkdirTemp("", "tenantry-bench-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	w.closers = append(w.closers, func() {
		if target, err := filepath.EvalSymlinks(filepath.Join(w.dir, "postgres")); err == nil {
			_ = os.RemoveAll(target) // the server's files may lie elsewhere
		}
		_ = os.RemoveAll(w.dir)
	})
	return nil
}

// startBroker starts the broker, again at the address that it had.
func (w *world) startBroker(address string) (err error) {
	w.broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: w.dir, Listen: address})
	return err
}

// brokerAddress is where the broker listens.
func (w *world) brokerAddress() (string, error) {
	parsed, err := url.Parse(w.broker.URL())
	if err != nil {
		return "", fmt.Errorf("read the broker's address: %w", err)
	}
	return parsed.Host, nil
}

func (w *world) connect(context.Context) (err error) {
	if w.conn, err = nats.Connect(w.broker.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond)); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	w.closers = append(w.closers, w.conn.Close)
	if w.js, err = jetstream.New(w.conn, jetstream.WithPublishAsyncMaxPending(1<<14)); err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	w.hints = workers.NewNATSHints(w.conn, tenants.HomeCluster)
	w.closers = append(w.closers, w.hints.Close)
	return nil
}

func (w *world) openClusters(context.Context) (err error) {
	if w.settings, err = config.Load(nil); err != nil {
		return err
	}
	w.settings.DatabaseURL, w.settings.OwnerDatabaseURL = w.postgres.AppURL(), w.postgres.OwnerURL()
	w.settings.NATSURL, w.settings.DatabasePoolSize = w.broker.URL(), poolSize
	//nolint:contextcheck // the pools outlive the start
	w.clusters, err = tenants.OpenClusters(w.settings, tenants.Options{
		OnCommit: func(_, tenantID string) { w.hints.Touch(tenantID) },
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.clusters.Close)
	w.service = tenants.NewService(w.clusters, func() []tenants.OnboardHook { return w.set.OnboardHooks() })
	w.set, err = modules.Build(module.Env{
		Clusters: w.clusters, Tenants: w.service, NATS: w.conn, JetStream: w.js,
		Duplicate: func() {}, Log: slog.New(slog.DiscardHandler),
	})
	return err
}

// look opens the superuser's ways in.
func (w *world) look(ctx context.Context) (err error) {
	if w.owner, err = pgxpool.New(ctx, w.postgres.URL("postgres", "tenantry")); err != nil {
		return fmt.Errorf("connect as the superuser: %w", err)
	}
	w.closers = append(w.closers, w.owner.Close)
	if w.watcher, err = pgxpool.New(ctx, w.postgres.SuperuserURL()); err != nil {
		return fmt.Errorf("connect to watch: %w", err)
	}
	w.closers = append(w.closers, w.watcher.Close)
	return nil
}

func (w *world) close() {
	for _, closer := range slices.Backward(w.closers) {
		closer()
	}
}
