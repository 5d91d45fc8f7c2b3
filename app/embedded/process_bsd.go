//go:build unix && !linux

package embedded

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
)

// endWithOwner has no means here: the next start stops the server that was left over.
func endWithOwner(*exec.Cmd) {}

// isServerOf reports whether a process is a PostgreSQL server on the folder, and not a stranger that
// got the number of one that ended.
func isServerOf(pid int, dir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(output), "-D "+dir+" ")
}
