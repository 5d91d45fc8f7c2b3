//go:build !unix

package chaos

import (
	"errors"
	"os/exec"
)

func apart(*exec.Cmd) {}

// freeze has nothing to work with here.
func (*process) freeze() error { return errors.ErrUnsupported }

func (*process) thaw() error { return nil }
