package embedded

import (
	"os/exec"
	"syscall"
)

// serverAccount is always the user itself: Windows has no root to give up.
func serverAccount(string) (account, error) { return account{}, nil }

// apply puts the command into a process group of its own, so that Ctrl-C does not reach it.
func (a account) apply(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func neutralFolder() string { return "" }

func (a account) share(string) error { return nil }
