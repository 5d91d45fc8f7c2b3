//go:build unix && !linux

package embedded

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
)

// endWithOwner has no means here: guardServer does it.
func endWithOwner(*exec.Cmd) {}

// guardServer stops the server when this program ends, however it ends, until it is released. Where
// that cannot be had, the next start stops the server that was left over.
func guardServer(pid int) func() {
	watch, err := startGuard(pid)
	if err != nil {
		return func() {}
	}
	return watch.release
}

// isServerOf reports whether a process is a PostgreSQL server on the folder, and not a stranger that
// got the number of one that ended.
func isServerOf(pid int, dir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(output), "-D "+dir+" ")
}
