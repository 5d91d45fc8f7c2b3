package embedded

import (
	"context"
	"path/filepath"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// maxRestarts bounds how often the server is started again within restartWindow. One that ends more
	// often has something that a start does not mend.
	maxRestarts   = 5
	restartWindow = time.Minute
	// restartPause is the wait after a start that failed.
	restartPause = time.Second
)

// KeepRunning starts the server again, on the same port, whenever it ends although nobody asked it to.
// It returns nil when the context ends or the server is stopped, and an error when it gives up. Until
// it has returned, only URL and its kin may be called beside it.
func (p *Postgres) KeepRunning(ctx context.Context) error {
	var recent starts
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.server.exited:
		}
		if p.server.expected.Load() {
			return nil
		}
		if err := p.revive(ctx, &recent); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// revive starts the server until it runs. The end of the context is an error, and so are too many starts.
func (p *Postgres) revive(ctx context.Context, recent *starts) error {
	for {
		if !recent.allow(time.Now()) {
			return p.keepsEnding()
		}
		p.log.Warn("starting PostgreSQL again", "port", p.port)
		err := p.launch(ctx)
		if err == nil {
			p.log.Info("PostgreSQL runs again", "port", p.port)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.log.Error("PostgreSQL could not be started again", "error", err)
		poll(ctx, restartPause, func() bool { return false })
	}
}

func (p *Postgres) keepsEnding() error {
	return fault.New(fault.Unavailable, "postgres_keeps_ending",
		"PostgreSQL ended again after it had been started %d times within %s, so it stays down; %s says why.",
		maxRestarts, restartWindow, filepath.Join(p.root, logName))
}

// starts remembers when the server was started again.
type starts []time.Time

// allow reports whether another start is within the bound, and notes it.
func (s *starts) allow(now time.Time) bool {
	for len(*s) > 0 && now.Sub((*s)[0]) >= restartWindow {
		*s = (*s)[1:]
	}
	if len(*s) >= maxRestarts {
		return false
	}
	*s = append(*s, now)
	return true
}
