// This program is Tenantry with a job queue: its modules, one that adds River jobs, and commands that
// migrate and work them. In three terminals:
//
//	go run . up
//	go run . jobs migrate
//	go run . jobs work
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/riverqueue/river"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/docs/examples/river/welcome"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/modules/audit"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/tenants"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Main(ctx, cli.Program{
		Args: os.Args, Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Build: build, Commands: append(modules.Commands(), commands()...), Version: "example",
	})
}

// build joins the modules, as modules.Build does, and one more.
func build(env module.Env) (module.Set, error) {
	inserter, err := jobs.NewInserter()
	if err != nil {
		return module.Set{}, fmt.Errorf("build the welcome module: %w", err)
	}
	return outbox.Join(env, user.Module(env), audit.Module(env), welcome.Module(inserter)), nil
}

// kinds are the kinds of jobs that tenants' roles may start.
func kinds(cluster *tenants.Cluster, send welcome.Send) *river.Workers {
	workers := river.NewWorkers()
	river.AddWorker(workers, welcome.NewWorker(cluster, findUser, send))
	return workers
}

// findUser asks the user module, whose business users are.
func findUser(ctx context.Context, scope *tenants.Scope, userID string) (welcome.Recipient, error) {
	program := tenants.Actor{TenantID: scope.TenantID(), UserID: welcome.HandlerName, Roles: []tenants.Role{tenants.Member}}
	found, err := user.NewService().Get(ctx, program, scope, userID)
	if err != nil {
		return welcome.Recipient{}, err
	}
	return welcome.Recipient{Name: found.Name, Email: found.Email}, nil
}

// logMail stands for a mail service. An address does not belong into a log.
func logMail(log *slog.Logger) welcome.Send {
	return func(ctx context.Context, key string, _ welcome.Recipient) error {
		log.InfoContext(ctx, "welcome mail", "idempotency_key", key)
		return nil
	}
}
