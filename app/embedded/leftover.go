package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// immediateTimeout bounds an immediate shutdown: PostgreSQL gives its own children five seconds.
	immediateTimeout = 10 * time.Second
	pollInterval     = 10 * time.Millisecond
)

// serverFile is what a server says about itself in postmaster.pid.
type serverFile struct {
	pid   int
	ready bool
}

// readServerFile reads postmaster.pid; ok is false when there is none that makes sense.
func readServerFile(dir string) (serverFile, bool) {
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return serverFile{}, false
	}
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return serverFile{}, false
	}
	const statusLine = 7
	ready := len(lines) > statusLine && strings.TrimSpace(lines[statusLine]) == "ready"
	return serverFile{pid: pid, ready: ready}, true
}

// stopLeftover ends the server of an owner that is gone. We hold the lock of the data folder, so
// whatever server runs on it belongs to nobody.
func stopLeftover(ctx context.Context, bin binaries, dir string, log *slog.Logger) error {
	left, ok := readServerFile(dir)
	if !ok || !alive(left.pid) {
		return nil
	}
	if !isServerOf(left.pid, dir) {
		return removeStaleFile(dir)
	}
	log.Info("stopping a PostgreSQL that was left over", "pid", left.pid)
	server, err := os.FindProcess(left.pid)
	if err != nil {
		return fmt.Errorf("find left-over server: %w", err)
	}
	defer server.Release() //nolint:errcheck // nothing to do about it
	gone := func() bool { return !isServerOf(left.pid, dir) }
	if err := interrupt(ctx, bin, server, dir, immediate); err != nil && !gone() {
		return fmt.Errorf("stop left-over server: %w", err)
	}
	if poll(ctx, immediateTimeout, gone) {
		return nil
	}
	if err := server.Kill(); err != nil && !gone() {
		return fmt.Errorf("kill left-over server: %w", err)
	}
	if !poll(ctx, immediateTimeout, gone) {
		return fmt.Errorf("left-over server %d does not end", left.pid)
	}
	return nil
}

// removeStaleFile removes the file of a server that is gone and whose number another program has
// now; PostgreSQL would take that program for the server and refuse to start. Should children of the
// old server still live, PostgreSQL notices by its shared memory.
func removeStaleFile(dir string) error {
	err := os.Remove(filepath.Join(dir, "postmaster.pid"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale server file: %w", err)
	}
	return nil
}

// poll asks until the answer is yes, the time is over or the context ends.
func poll(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return done()
		case <-ticker.C:
		}
	}
	return true
}
