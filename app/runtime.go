package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
)

// RuntimeConfig says how the embedded servers run.
type RuntimeConfig struct {
	// Dir is the data folder, which the caller holds.
	Dir string
	// NATSListen is the broker's address for clients. Default: 127.0.0.1 and any free port.
	NATSListen string
	// Throwaway is for tests: nothing is synced, and Stop removes PostgreSQL's files.
	Throwaway bool
	// Log is the process's log.
	Log *slog.Logger
}

// Runtime is the servers that a process runs itself because no URL names another.
type Runtime struct {
	postgres *embedded.Postgres
	nats     *embedded.NATS
}

// StartRuntime starts what the settings name no URL of, and returns the settings with those URLs.
func StartRuntime(ctx context.Context, cfg RuntimeConfig, settings config.Settings) (*Runtime, config.Settings, error) {
	r := &Runtime{}
	if settings.DatabaseURL == "" {
		var err error
		r.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{
			Dir: cfg.Dir, Log: cfg.Log, Throwaway: cfg.Throwaway,
		})
		if err != nil {
			return nil, settings, fmt.Errorf("start PostgreSQL: %w", err)
		}
		settings.DatabaseURL, settings.OwnerDatabaseURL = r.postgres.AppURL(), r.postgres.OwnerURL()
	}
	if settings.NATSURL == "" {
		var err error
		r.nats, err = embedded.StartNATS(embedded.NATSConfig{
			Dir: cfg.Dir, Listen: cfg.NATSListen, SyncAlways: settings.Stream.SyncAlways, Log: cfg.Log,
		})
		if err != nil {
			return nil, settings, errors.Join(fmt.Errorf("start NATS: %w", err), r.Stop(context.WithoutCancel(ctx)))
		}
		settings.NATSURL = r.nats.URL()
	}
	return r, settings, nil
}

// Postgres is the embedded PostgreSQL; nil when the settings name another.
func (r *Runtime) Postgres() *embedded.Postgres { return r.postgres }

// KeepRunning starts the embedded PostgreSQL again when it was killed. It returns when the context ends,
// or with an error when the server keeps ending. Stop comes after it.
func (r *Runtime) KeepRunning(ctx context.Context) error {
	if r.postgres == nil {
		<-ctx.Done()
		return nil
	}
	if err := r.postgres.KeepRunning(ctx); err != nil {
		return fmt.Errorf("keep PostgreSQL running: %w", err)
	}
	return nil
}

// Stop ends the servers, the broker first: nothing publishes to it any more.
func (r *Runtime) Stop(ctx context.Context) error {
	if r.nats != nil {
		r.nats.Stop()
	}
	if r.postgres == nil {
		return nil
	}
	if err := r.postgres.Stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}
