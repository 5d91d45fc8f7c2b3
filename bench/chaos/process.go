package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/config"
)

// stopLimit bounds a graceful stop of a process.
const stopLimit = 30 * time.Second

// process is a running part.
type process struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	// ended is closed when the process has ended; state is set before.
	ended chan struct{}
	state string
	// asked says that its end is our doing.
	asked atomic.Bool
	// log is the file that its messages go to.
	log string
}

// spawn starts this program once more, as a part of the run. It outlives the context: whoever started it
// ends it.
func spawn(ctx context.Context, part Part, settings []string, log string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	encoded, err := json.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("tell a process its part: %w", err)
	}
	output, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("open a process's log: %w", err)
	}
	defer output.Close() //nolint:errcheck // the process has its own
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(ctx), program), ended: make(chan struct{}), log: log}
	p.cmd.Env = append(config.Foreign(os.Environ()), append(settings, partEnv+"="+string(encoded))...)
	p.cmd.Stdout, p.cmd.Stderr = output, output
	apart(p.cmd)
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("open a process's input: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	go p.watch()
	return p, nil
}

func (p *process) watch() {
	_ = p.cmd.Wait() // the state tells
	p.state = p.cmd.ProcessState.String()
	close(p.ended)
}

// kill ends the process without a word to it.
func (p *process) kill() {
	p.asked.Store(true)
	_ = p.cmd.Process.Kill() // it has ended otherwise
	<-p.ended
}

// stop ends the process as a signal to stop would, and with force when it takes too long.
func (p *process) stop(ctx context.Context) error {
	p.asked.Store(true)
	_ = p.input.Close() // it has ended otherwise
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("a process did not stop within %s; its log: %s", stopLimit, p.log)
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("a process was asked to stop and ended with %s; the end of its log: %s", p.state, tail(p.log))
	}
	return nil
}

// tail is the end of a log.
func tail(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "no log"
	}
	return strings.TrimSpace(string(text[max(0, len(text)-600):]))
}
