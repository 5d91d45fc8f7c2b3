package tenants

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// checkedFor is how long an answer about an actor is remembered, and checksSize how many are.
	checkedFor = time.Second
	checksSize = 20_000
)

// actorChecks remembers for a moment which actors may come in, so that not every request asks.
type actorChecks struct {
	ask   func(actor Actor) []Statement
	now   func() time.Time
	known *lru.Cache[actorKey, actorCheck]
}

type actorKey struct{ tenantID, userID string }

type actorCheck struct {
	refusal error
	at      time.Time
}

func newActorChecks(config AccessConfig) *actorChecks {
	known, _ := lru.New[actorKey, actorCheck](checksSize) // fails for a negative size only
	checks := &actorChecks{ask: config.CheckActor, now: config.Now, known: known}
	if checks.now == nil {
		checks.now = time.Now
	}
	return checks
}

// check asks in one round trip whether an actor may come in, unless it did so less than a second ago. A
// refusal is remembered too; that nobody could be asked is not. The time counts from before the question,
// so that an answer never is older than it seems.
func (c *actorChecks) check(ctx context.Context, scope *Scope, actor Actor) error {
	if c.ask == nil {
		return nil
	}
	key, began := actorKey{actor.TenantID, actor.UserID}, c.now()
	if answer, ok := c.known.Get(key); ok && began.Sub(answer.at).Abs() < checkedFor {
		return answer.refusal
	}
	questions := c.ask(actor)
	if len(questions) == 0 {
		return nil
	}
	err := scope.Pipeline(ctx, questions...)
	if kind := fault.KindOf(err); err == nil || kind == fault.Forbidden || kind == fault.Unauthenticated {
		c.known.Add(key, actorCheck{refusal: err, at: began})
	}
	return err
}
