package embedded

import "context"

// Restart stops the server at once, as a crash would, and starts it again on the same port. It also
// brings back a server that was killed.
func (p *Postgres) Restart(ctx context.Context) error { return p.restart(ctx, immediate) }

// RestartFast stops the server as an operator does, which ends all sessions and writes everything out, and
// starts it again on the same port.
func (p *Postgres) RestartFast(ctx context.Context) error { return p.restart(ctx, fast) }

func (p *Postgres) restart(ctx context.Context, how shutdown) error {
	if err := p.shutDown(ctx, how); err != nil {
		return err
	}
	return p.launch(ctx)
}
