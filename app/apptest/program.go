package apptest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// jwtSecret signs the tests' tokens.
const jwtSecret = "a-secret-for-tests-that-opens-nothing-at-all"

// program is the running program and the tests' own ways into it.
type program struct {
	dir       string
	settings  config.Settings
	runtime   *app.Runtime
	app       *app.App
	nats      *nats.Conn
	js        jetstream.JetStream
	superuser *pgxpool.Pool
	http      *http.Client
}

func start(ctx context.Context, build module.Build, changes []func(*config.Settings)) (*program, error) {
	p := &program{http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}}
	var err error
	if p.settings, err = settings(changes); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{p.startServers, p.migrate, p.connect}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, p.stop(ctx))
		}
	}
	cfg := app.Config{
		Settings: p.settings, Build: build, API: true, WorkerClusters: p.settings.ClusterNames(),
		Log: app.NewLog(os.Stderr, p.settings, true), Version: "test",
	}
	if p.app, err = app.Start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start the app: %w", err), p.stop(ctx))
	}
	return p, nil
}

// settings are the program's own, with short times and free ports. Its log shows errors only, unless
// TENANTRY_LOG_LEVEL asks for more.
func settings(changes []func(*config.Settings)) (config.Settings, error) {
	environ := []string{
		"TENANTRY_LISTEN=127.0.0.1:0", "TENANTRY_METRICS_LISTEN=127.0.0.1:0",
		"TENANTRY_JWT_SECRET=" + jwtSecret, "TENANTRY_LOG_LEVEL=error", "TENANTRY_LOG_FORMAT=text",
		"TENANTRY_WORKER_LEASE_TTL=3s", "TENANTRY_WORKER_SWEEP_INTERVAL=100ms",
		"TENANTRY_WORKER_RETRY_MIN=20ms", "TENANTRY_WORKER_RETRY_MAX=100ms",
		// Tests write events of long ago, and look for them.
		"TENANTRY_RETENTION_MESSAGES=0s", "TENANTRY_RETENTION_INBOX=0s", "TENANTRY_RETENTION_ATTEMPTS=0s",
		"TENANTRY_SHUTDOWN_TIMEOUT=10s", "TENANTRY_STREAM_MAX_AGE=1h",
	}
	if level, ok := os.LookupEnv("TENANTRY_LOG_LEVEL"); ok {
		environ = append(environ, "TENANTRY_LOG_LEVEL="+level)
	}
	loaded, err := config.Load(environ)
	if err != nil {
		return config.Settings{}, fmt.Errorf("make the settings: %w", err)
	}
	for _, change := range changes {
		change(&loaded)
	}
	return loaded, nil
}

// startServers keeps them in a folder of their own, which goes with them.
func (p *program) startServers(ctx context.Context) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "tenantry-apptest-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	p.runtime, p.settings, err = app.StartRuntime(ctx, app.RuntimeConfig{Dir: p.dir, Throwaway: true}, p.settings)
	return err
}

func (p *program) migrate(ctx context.Context) error {
	//nolint:contextcheck // pools outlive the start
	clusters, err := tenants.OpenClusters(p.settings, tenants.Options{})
	if err != nil {
		return fmt.Errorf("open the clusters: %w", err)
	}
	defer clusters.Close()
	if err := tenants.MigrateControl(ctx, clusters); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// connect opens the tests' own ways in: a superuser's, and a stock client of the broker.
func (p *program) connect(ctx context.Context) error {
	var err error
	url := strings.Replace(p.runtime.Postgres().SuperuserURL(), "/postgres?", "/tenantry?", 1)
	if p.superuser, err = pgxpool.New(ctx, url); err != nil {
		return fmt.Errorf("open the superuser's pool: %w", err)
	}
	if p.nats, err = nats.Connect(p.settings.NATSURL, nats.Name("apptest")); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	if p.js, err = jetstream.New(p.nats); err != nil {
		return fmt.Errorf("prepare JetStream: %w", err)
	}
	return nil
}

func (p *program) stop(ctx context.Context) error {
	p.http.CloseIdleConnections()
	var errs []error
	if p.app != nil {
		errs = append(errs, p.app.Stop(ctx))
	}
	if p.nats != nil {
		p.nats.Close()
	}
	if p.superuser != nil {
		p.superuser.Close()
	}
	if p.runtime != nil {
		errs = append(errs, p.runtime.Stop(ctx))
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}
