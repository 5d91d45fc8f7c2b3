package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

// Attempt is one failed attempt to hand an event to a handler or to the broker.
type Attempt struct {
	// Handler is who did not take it: a handler's name, or "broker".
	Handler string
	// Attempt counts from 1, and again from 1 after a replay.
	Attempt int
	// StartedAt and TookMS are when it began and how many milliseconds it took.
	StartedAt time.Time
	TookMS    float64
	// Error is why it failed.
	Error string
}

// AttemptPage is a page of attempts.
type AttemptPage struct {
	// Attempts are in the order in which they began.
	Attempts []Attempt
	// Next is the cursor of the next page, empty at the end.
	Next string
}

// AttemptFilter says which page of an event's attempts.
type AttemptFilter struct {
	// Limit is how many at most: 1 to 200. Default 50.
	Limit int
	// Cursor is where the page begins: the end of the one before, empty for the first.
	Cursor string
}

// attemptPosition is the place of an attempt among those of its event. The zero value is before the first.
type attemptPosition struct {
	// StartedAt is when it began.
	StartedAt time.Time `json:"t"`
	// Handler tells those of one moment apart.
	Handler string `json:"h"`
}

// genuine reports whether a list can have such a position.
func (p attemptPosition) genuine() bool {
	year := p.StartedAt.Year()
	return year >= 2000 && year <= 9999 && p.StartedAt.Equal(p.StartedAt.Truncate(time.Microsecond)) &&
		p.Handler != "" && storable(p.Handler)
}

const readAttempts = `
	select handler, attempt, started_at, took_ms, error from delivery_attempts
	where seq = $1 and (started_at, handler) > ($2::timestamptz, $3::text)
	order by started_at, handler limit $4`

// Attempts lists what went wrong with an event, at the broker and at its handlers, the first failure
// first. It keeps them after the event was taken, until they are pruned. An event that nobody refused has
// none.
func (s *Service) Attempts(
	ctx context.Context, actor tenants.Actor, slug, eventID string, filter AttemptFilter,
) (AttemptPage, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return AttemptPage{}, err
	}
	after, err := filter.check(eventID)
	if err != nil {
		return AttemptPage{}, err
	}
	_, scope, err := s.enter(ctx, actor, slug)
	if err != nil {
		return AttemptPage{}, err
	}
	seqs, err := eventSeqs(ctx, scope, []string{eventID})
	if err != nil {
		return AttemptPage{}, err
	}
	var page AttemptPage
	err = scope.Transact(ctx, func(tx *tenants.Tx) error {
		page.Attempts = nil
		found := tx.DB.Raw(readAttempts, seqs[eventID], after.StartedAt, after.Handler, filter.Limit+1).Scan(&page.Attempts)
		if found.Error != nil {
			return fmt.Errorf("list attempts: %w", found.Error)
		}
		return nil
	})
	if err != nil && !unmigrated(err) { // a tenant that is not migrated yet has none
		return AttemptPage{}, err
	}
	page.Attempts, page.Next, err = rest.Cut(page.Attempts, filter.Limit, func(a Attempt) any {
		return attemptPosition{StartedAt: a.StartedAt.UTC(), Handler: a.Handler}
	})
	return page, err
}

// check completes the filter and reads its cursor.
func (f *AttemptFilter) check(eventID string) (attemptPosition, error) {
	if !isUUID(eventID) {
		return attemptPosition{}, fault.New(fault.NotFound, "event_not_found", "The tenant has no such event.")
	}
	if err := rest.BadParameters(rest.CheckLimit(&f.Limit)); err != nil || f.Cursor == "" {
		return attemptPosition{}, err
	}
	return rest.DecodeCursor(f.Cursor, attemptPosition.genuine)
}
