package cli

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"time"

	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// closeTimeout bounds the end of a command that does one thing.
const closeTimeout = 10 * time.Second

// withApp opens what a command works with, does the work, and closes it again.
func (r *runner) withApp(ctx context.Context, need requirement, work func(a *app.App) error) error {
	settings, err := r.settings(need)
	if err != nil {
		return err
	}
	return r.withOpened(ctx, settings, r.quietLog(settings), work)
}

func (r *runner) withOpened(ctx context.Context, settings config.Settings, log *slog.Logger, work func(a *app.App) error) error {
	opened, err := app.Start(ctx, r.appConfig(settings, log))
	if err != nil {
		return err
	}
	err = work(opened)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, opened.Stop(closing))
}

// appConfig is a process that runs nothing yet.
func (r *runner) appConfig(settings config.Settings, log *slog.Logger) app.Config {
	return app.Config{Settings: settings, Build: r.Build, Log: log, Version: r.Version, Commit: r.Commit}
}

// operator is whoever sits at the terminal: who may read the URLs may do what operators do.
func operator() tenants.Actor {
	name := "unknown"
	if account, err := user.Current(); err == nil && account.Username != "" {
		name = account.Username
	}
	return tenants.Actor{UserID: "cli:" + name, Roles: []tenants.Role{tenants.Operator}, RequestID: "cli-" + uuid.NewString()}
}
