package tenants

import (
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

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

// scope is the way to the tenant's data for an actor. Whether the actor may come in is asked by the first
// transaction, in the round trip that opens it and before anything else, unless that was asked less than a
// second ago: so it costs a request no transaction of its own, and who is refused reaches nothing.
func (c *actorChecks) scope(scope *Scope, actor Actor) (*Scope, error) {
	if c.ask == nil {
		return scope, nil
	}
	key, now := actorKey{actor.TenantID, actor.UserID}, c.now()
	if answer, ok := c.known.Get(key); ok && now.Sub(answer.at).Abs() < checkedFor {
		return scope, answer.refusal
	}
	if questions := c.ask(actor); len(questions) > 0 {
		scope.admission = c.admission(key, now, questions)
	}
	return scope, nil
}

// admission is what a scope's first transaction asks.
type admission struct {
	questions []Statement
	passed    atomic.Bool
}

// open are the questions that are not answered yet.
func (a *admission) open() []Statement {
	if a == nil || a.passed.Load() {
		return nil
	}
	return a.questions
}

// admission remembers the answer. A refusal is remembered too; that nobody could be asked is not. The time
// counts from before the question, so that an answer never is older than it seems.
func (c *actorChecks) admission(key actorKey, at time.Time, questions []Statement) *admission {
	a := &admission{questions: slices.Clone(questions)}
	for i, question := range questions {
		last := i == len(questions)-1
		a.questions[i].Read = func(rows pgx.Rows) error {
			err := question.Read(rows)
			if kind := fault.KindOf(err); err != nil && (kind == fault.Forbidden || kind == fault.Unauthenticated) {
				c.known.Add(key, actorCheck{refusal: err, at: at})
			}
			if err == nil && last {
				c.known.Add(key, actorCheck{at: at})
				a.passed.Store(true)
			}
			return err
		}
	}
	return a
}
