package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// launchPatience bounds the waiting for a port or for the last children of a killed server.
	launchPatience = 15 * time.Second
	// recoveryTimeout bounds a start, which after a crash reads the log of changes again.
	recoveryTimeout = 5 * time.Minute
)

// launch starts the server and waits until it takes connections. Two reasons to fail pass by
// themselves: another program was faster to take the port, and children of a killed server still
// end.
func (p *Postgres) launch(ctx context.Context) error {
	patience := time.Now().Add(launchPatience)
	for {
		tail, err := p.launchOnce(ctx)
		if err == nil {
			return nil
		}
		passing := portTaken(tail) || strings.Contains(tail, "pre-existing shared memory block")
		if !passing || time.Now().After(patience) || ctx.Err() != nil {
			return p.startFailure(tail, err)
		}
		if portTaken(tail) && !p.fixedPort {
			if p.port, err = freePort(ctx); err != nil {
				return err
			}
		}
		poll(ctx, launchPatience/100, func() bool { return false })
	}
}

func portTaken(tail string) bool {
	return strings.Contains(tail, "could not bind") || strings.Contains(tail, "could not create any TCP/IP sockets")
}

// launchOnce starts the server once; when that fails it returns what the server said.
func (p *Postgres) launchOnce(ctx context.Context) (string, error) {
	log, err := openServerLog(p.root)
	if err != nil {
		return "", err
	}
	defer log.close()
	//nolint:contextcheck // the server lives longer than the call that starts it
	cmd := p.as.command(context.Background(), p.bin.path("postgres"), p.arguments()...)
	cmd.Stdout, cmd.Stderr = log.file, log.file
	if p.server, err = startProcess(cmd); err != nil {
		return "", err
	}
	if err := p.awaitReady(ctx, p.server); err != nil {
		return log.tail(), errors.Join(err, p.shutDown(ctx, immediate))
	}
	go p.report(p.server)
	return "", nil
}

func (p *Postgres) arguments() []string {
	return serverArguments(p.dir, p.port, p.throwaway, p.settings)
}

// awaitReady waits until the server says in its file that it takes connections.
func (p *Postgres) awaitReady(ctx context.Context, server *process) error {
	ready := func() bool {
		said, ok := readServerFile(p.dir)
		return server.ended() || ok && said.pid == server.pid() && said.ready
	}
	switch arrived := poll(ctx, recoveryTimeout, ready); {
	case server.ended():
		return fmt.Errorf("the server ended: %s", server.state)
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the server: %w", ctx.Err())
	case !arrived:
		return fmt.Errorf("the server was not ready after %s", recoveryTimeout)
	}
	return nil
}

// report says in the log that the server ended although nobody asked it to.
func (p *Postgres) report(server *process) {
	<-server.exited
	if !server.expected.Load() {
		p.log.Error("PostgreSQL ended unexpectedly", "state", server.state, "log", filepath.Join(p.root, logName))
	}
}

func (p *Postgres) startFailure(tail string, cause error) error {
	if tail == "" {
		return fmt.Errorf("start PostgreSQL: %w", cause)
	}
	return fault.New(fault.Unavailable, "postgres_start_failed",
		"PostgreSQL did not start. The end of %s:\n%s", filepath.Join(p.root, logName), tail).Because(cause)
}

// freePort asks the system for a port that nobody listens on.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close() //nolint:errcheck // it was opened only to be closed
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %s is no TCP address", listener.Addr())
	}
	return address.Port, nil
}
