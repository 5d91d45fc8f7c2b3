//go:build unix

package chaos

import (
	"os/exec"
	"syscall"
)

// apart keeps the terminal's signals for the run itself, which stops its processes in order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// freeze stops the process where it stands.
func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) } //nolint:wrapcheck // the caller knows what it did

// thaw lets it go on as if nothing had happened.
func (p *process) thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) } //nolint:wrapcheck // likewise
