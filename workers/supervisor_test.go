package workers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// supervised is a worker process of a test: a pool that can really be killed.
type supervised struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	// hit is closed when the process tells that it is at its point.
	hit chan struct{}
	// ended is closed when the process has ended and all its output was read.
	ended chan struct{}
	// duplicates is how often the broker dropped an event that it had already, lost how often a
	// write-back was refused.
	duplicates, lost atomic.Int64
}

// startWorker starts a worker process on the lab's servers. It ends with the
// context, and with the test.
func (l *lab) startWorker(ctx context.Context, o orders) (*supervised, error) {
	o.Database, o.Broker = l.postgres.URL("tenantry_app", l.database), l.conn.ConnectedUrl()
	encoded, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &supervised{cmd: exec.CommandContext(ctx, program), hit: make(chan struct{}), ended: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), workerEnv+"="+string(encoded))
	s.cmd.Stderr = l.t.Output()
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.watch(output)
	l.t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it ended already unless the test failed
		<-s.ended
	})
	return s, nil
}

func (s *supervised) watch(output io.Reader) {
	defer close(s.ended)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "duplicate":
			s.duplicates.Add(1)
		case line == "lost":
			s.lost.Add(1)
		case strings.HasPrefix(line, "hit "):
			close(s.hit)
		}
	}
	_ = s.cmd.Wait() // how it ended is asked for later
}

// killed says why it was not killed at its point.
func (s *supervised) killed() error {
	<-s.ended
	select {
	case <-s.hit:
	default:
		return fmt.Errorf("the process ended with %s before its point", s.cmd.ProcessState)
	}
	if s.cmd.ProcessState.ExitCode() != -1 {
		return fmt.Errorf("the process ended with %s", s.cmd.ProcessState)
	}
	return nil
}

// stop ends the process gracefully.
func (s *supervised) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, s.input.Close())
	<-s.ended
	require.Zero(t, s.cmd.ProcessState.ExitCode(), "the process ended with %s", s.cmd.ProcessState)
}
