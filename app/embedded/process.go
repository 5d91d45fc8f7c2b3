package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
)

// shutdown is a way to stop the server.
type shutdown uint8

const (
	// fast ends the sessions, writes everything out and stops.
	fast shutdown = iota
	// immediate stops at once; the next start recovers from the log of changes.
	immediate
)

// process is a running server program.
type process struct {
	cmd *exec.Cmd
	// exited is closed when the program has ended and was waited for; state is set before.
	exited chan struct{}
	state  string
	// expected says that its end is our doing.
	expected atomic.Bool
}

// startProcess starts the command and watches over it until it ends.
func startProcess(cmd *exec.Cmd) (*process, error) {
	running := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go running.watch(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return running, nil
}

// watch owns the program from start to end. It keeps its thread: Linux ends the program together
// with the thread that started it, and Go would otherwise end idle threads at any time.
func (p *process) watch(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	endWithOwner(p.cmd)
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	release := guardServer(p.pid())
	started <- nil
	if err := p.cmd.Wait(); err != nil {
		p.state = err.Error()
	} else {
		p.state = "exit status 0"
	}
	release()
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended reports whether the program is gone.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the program without asking it and waits for its end.
func (p *process) kill() error {
	p.expected.Store(true)
	if p.ended() {
		return nil
	}
	if err := p.cmd.Process.Signal(os.Kill); err != nil && !p.ended() {
		return fmt.Errorf("kill process %d: %w", p.pid(), err)
	}
	<-p.exited
	return nil
}
