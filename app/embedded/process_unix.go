//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// interrupt asks a server to stop.
func interrupt(_ context.Context, _ binaries, server *os.Process, _ string, how shutdown) error {
	signal := syscall.SIGINT
	if how == immediate {
		signal = syscall.SIGQUIT
	}
	if err := server.Signal(signal); err != nil {
		return fmt.Errorf("signal server %d: %w", server.Pid, err)
	}
	return nil
}

// alive reports whether some process has this number.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
