//go:build unix

package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guard is a shell that waits for the end of this program and then stops the server, for systems
// whose kernel does not do that. It reads from a pipe that nobody writes to and that only this
// program holds open, so its read ends when the program does, however it ends.
type guard struct {
	shell *exec.Cmd
	life  *os.File
}

func startGuard(pid int) (*guard, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("guard the server: %w", err)
	}
	const script = `read -r line; kill -QUIT "$1"`
	shell := exec.CommandContext(context.Background(), "/bin/sh", "-c", script, "sh", strconv.Itoa(pid))
	shell.Stdin = read
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = shell.Start()
	_ = read.Close() // the shell has its own
	if err != nil {
		_ = write.Close() // nothing was written
		return nil, fmt.Errorf("guard the server: %w", err)
	}
	return &guard{shell: shell, life: write}, nil
}

// release ends the guard after the server: the shell first, because it would take the closed pipe
// for the program's end and signal a number that may belong to another process by now.
func (g *guard) release() {
	_ = g.shell.Process.Kill() // it ended already then
	_ = g.shell.Wait()         // it was killed, which is what the error says
	_ = g.life.Close()         // nothing was written
}
