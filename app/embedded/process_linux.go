package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// endWithOwner makes the kernel stop the server when this program ends, however it ends. SIGQUIT
// is an immediate shutdown, which takes the server's own children along.
func endWithOwner(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT }

// guardServer has nothing to add to what the kernel does.
func guardServer(int) func() { return func() {} }

// isServerOf reports whether a process is a PostgreSQL server on the folder, and not a stranger that
// got the number of one that ended.
func isServerOf(pid int, dir string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	arguments := strings.Split(string(text), "\x00")
	at := slices.Index(arguments, "-D")
	if at < 0 || at+1 >= len(arguments) {
		return false
	}
	return sameFolder(arguments[at+1], dir)
}

func sameFolder(one, other string) bool {
	first, err := os.Stat(one) //nolint:gosec // the folder is looked at, not opened
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}
