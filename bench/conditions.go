package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
)

// conditions say how everything is measured, and then each scenario's own.
func (p plan) conditions() []string {
	all := []string{
		fmt.Sprintf("%d cores (%s/%s, %s), program, PostgreSQL, broker and load generator on the same machine",
			runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		fmt.Sprintf("medians of %d rounds, or of as many as fit into %s; ratios within each round", p.rounds, p.budget),
		fmt.Sprintf("the pool has its default settings and at most %d connections, the baselines on the same tables %d connections",
			poolSize, bareConns),
		"JetStream: file storage, synced every two minutes, message ids with a window of 30 minutes",
	}
	for _, s := range scenarios() {
		if s.conditions == nil || len(p.only) > 0 && !slices.Contains(p.only, s.name) {
			continue
		}
		for _, text := range s.conditions(p) {
			all = append(all, s.name+": "+text)
		}
	}
	return all
}

// conditions of the servers are asked of them.
func (w *world) conditions(ctx context.Context) []string {
	var version, fsync, commit, buffers string
	err := w.owner.QueryRow(ctx, `select current_setting('server_version'), current_setting('fsync'),
		current_setting('synchronous_commit'), current_setting('shared_buffers')`).Scan(&version, &fsync, &commit, &buffers)
	if err != nil {
		return nil // the run itself will say what is wrong
	}
	return []string{fmt.Sprintf("PostgreSQL %s, fsync %s, synchronous_commit %s, shared_buffers %s", version, fsync, commit, buffers)}
}
