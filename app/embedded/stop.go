package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Kill ends the server without a word to it, as the system does when memory runs out.
func (p *Postgres) Kill() error {
	if p.server == nil {
		return nil
	}
	return p.server.kill()
}

// Stop ends the server: fast at first, which writes everything out, and immediately when that takes
// longer than twenty seconds or the context. A throwaway server's files are removed. A second Stop
// does nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	err := p.shutDown(ctx, fast)
	if p.throwaway && p.lock != nil {
		err = errors.Join(err, p.remove())
	}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	p.lock = nil
	return err
}

// shutDown ends the server, in ever ruder ways.
func (p *Postgres) shutDown(ctx context.Context, how shutdown) error {
	if p.server == nil || p.server.ended() {
		return nil
	}
	p.server.expected.Store(true)
	if how == fast {
		if p.ask(ctx, fast) && poll(ctx, stopTimeout, p.server.ended) {
			return nil
		}
		p.log.Warn("PostgreSQL did not stop in time, stopping it at once")
	}
	rest := context.WithoutCancel(ctx)
	if p.ask(rest, immediate) && poll(rest, immediateTimeout, p.server.ended) {
		return nil
	}
	return p.server.kill()
}

// ask reports whether the server was told to stop.
func (p *Postgres) ask(ctx context.Context, how shutdown) bool {
	err := interrupt(ctx, p.bin, p.server.cmd.Process, p.dir, how)
	return err == nil || p.server.ended()
}

// remove deletes all files of a throwaway server, but no file that is not its own.
func (p *Postgres) remove() error {
	err := errors.Join(discardUnfinished(p.root), discard(filepath.Join(p.root, clusterName)))
	for _, name := range []string{logName, passwordFile} {
		if removal := os.Remove(filepath.Join(p.root, name)); removal != nil && !errors.Is(removal, os.ErrNotExist) {
			err = errors.Join(err, removal)
		}
	}
	if p.removable != "" {
		err = errors.Join(err, os.RemoveAll(p.removable))
	}
	if err != nil {
		return fmt.Errorf("remove throwaway PostgreSQL: %w", err)
	}
	return nil
}
