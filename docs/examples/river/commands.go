package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/tenants"
)

// stopTimeout bounds the wait for running jobs after the signal to stop.
const stopTimeout = 10 * time.Second

func commands() []module.Command {
	return []module.Command{{
		Path: []string{"jobs", "migrate"}, Short: "Make or migrate River's tables on a cluster",
		Example: "go run . jobs migrate --cluster main", Flags: clusterFlag, Run: migrate,
	}, {
		Path: []string{"jobs", "work"}, Short: "Work the jobs of all tenants of a cluster",
		Example: "go run . jobs work --cluster main", Flags: clusterFlag, Run: work,
	}}
}

func clusterFlag(flags *pflag.FlagSet) {
	flags.String("cluster", tenants.HomeCluster, "the cluster's name")
}

func migrate(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
	name, err := call.Flags.GetString("cluster")
	if err != nil {
		return module.Result{}, fmt.Errorf("read the flags: %w", err)
	}
	cluster, err := env.Clusters.Get(name)
	if err != nil {
		return module.Result{}, err
	}
	owner, err := env.Clusters.Owner(name)
	if err != nil {
		return module.Result{}, err
	}
	if err := jobs.Migrate(ctx, owner, cluster, env.Log); err != nil {
		return module.Result{}, err
	}
	return module.Result{Message: "River's tables are ready on cluster " + name + "."}, nil
}

// work works jobs until the signal to stop, and lets those that run come to their end.
func work(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
	name, err := call.Flags.GetString("cluster")
	if err != nil {
		return module.Result{}, fmt.Errorf("read the flags: %w", err)
	}
	cluster, err := env.Clusters.Get(name)
	if err != nil {
		return module.Result{}, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	client, err := jobs.NewWorker(cluster, kinds(cluster, logMail(log)), log)
	if err != nil {
		return module.Result{}, err
	}
	// River takes the end of this context for the end of the jobs, too; the signal is for Stop to heed.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return module.Result{}, fmt.Errorf("start the worker: %w", err)
	}
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := client.Stop(stopping); err != nil {
		return module.Result{}, fmt.Errorf("stop the worker: %w", err)
	}
	return module.Result{Message: "No job runs any more."}, nil
}
