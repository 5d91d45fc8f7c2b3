package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tenantry/tenantry/config"
)

// workerProcess is a process of its own: this program as `worker --cluster main`.
type workerProcess struct {
	command *exec.Cmd
	said    bytes.Buffer
}

// startWorker starts one against this world's servers, with the default settings.
func (w *world) startWorker(ctx context.Context) (*workerProcess, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &workerProcess{command: exec.CommandContext(ctx, program, "worker", "--cluster", "main")}
	p.command.Env = append(config.Foreign(os.Environ()),
		"TENANTRY_DATABASE_URL="+w.settings.DatabaseURL+"&application_name="+workerApplication, "TENANTRY_NATS_URL="+w.settings.NATSURL,
		"TENANTRY_METRICS_LISTEN=", "TENANTRY_LOG_LEVEL=error", "TENANTRY_LOG_FORMAT=json")
	p.command.Stderr = &p.said
	p.command.Cancel = func() error { return p.command.Process.Signal(os.Interrupt) }
	p.command.WaitDelay = stopPatience
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return p, nil
}

// workerApplication is what PostgreSQL calls the connections of these processes.
const workerApplication = "bench-worker"

// stopPatience is how long a process may take to stop before it is killed.
const stopPatience = 30 * time.Second

// pid is the process's number.
func (p *workerProcess) pid() int { return p.command.Process.Pid }

// stop ends it gracefully, and tells what it said when it did not end well.
func (p *workerProcess) stop() error {
	if err := p.command.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop a worker: %w", err)
	}
	err := p.command.Wait()
	if err == nil || p.stoppedEarly(err) {
		return nil
	}
	return fmt.Errorf("a worker ended: %w: %s", err, p.said.String())
}

// stoppedEarly tells a process that was stopped before it had begun, which is no failure here: others were
// faster than its start.
func (p *workerProcess) stoppedEarly(err error) bool {
	return strings.Contains(err.Error(), "signal: interrupt") || strings.Contains(p.said.String(), "Interrupted.")
}

// workers starts several, and returns what ends them all.
func (w *world) startWorkers(ctx context.Context, n int) (all []*workerProcess, stop func() error, err error) {
	stop = func() error {
		errs := make([]error, 0, len(all))
		for _, p := range all {
			errs = append(errs, p.stop())
		}
		return errors.Join(errs...)
	}
	for range n {
		p, err := w.startWorker(ctx)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		all = append(all, p)
	}
	return all, stop, nil
}
