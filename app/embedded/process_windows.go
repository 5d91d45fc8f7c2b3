package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// endWithOwner has no means here: the next start stops the server that was left over.
func endWithOwner(*exec.Cmd) {}

// guardServer has no means here either.
func guardServer(int) func() { return func() {} }

// interrupt asks a server to stop. There are no signals, so PostgreSQL's own program asks.
func interrupt(ctx context.Context, bin binaries, _ *os.Process, dir string, how shutdown) error {
	mode := "fast"
	if how == immediate {
		mode = "immediate"
	}
	cmd := account{}.command(ctx, bin.path("pg_ctl"), "stop", "-W", "-D", dir, "-m", mode)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pg_ctl stop: %w", err)
	}
	return nil
}

// isServerOf cannot look at a program's arguments here, and leaves the question to PostgreSQL,
// which refuses to start twice on one folder.
func isServerOf(pid int, _ string) bool { return alive(pid) }

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return process.Release() == nil
}
