package outbox

import "time"

// The steps of an event on its way, in order. What is between two of them is somebody's time: the
// discovery's, the other tenants', the tenant's own, and that of the broker and the handlers.
const (
	// StepCommitted is the commit of the change.
	StepCommitted = "committed"
	// StepDiscovered is when a worker knew that the tenant had work.
	StepDiscovered = "discovered"
	// StepTurn is the beginning of the turn that took the event: it waited for other tenants.
	StepTurn = "waited_for_turn"
	// StepBacklog is when the tenant's own earlier events had been handed over.
	StepBacklog = "waited_behind_own_backlog"
	// StepAttempted is when the event itself was handed over.
	StepAttempted = "attempted"
	// StepAcknowledged is when the broker and all handlers had taken it.
	StepAcknowledged = "acknowledged"
)

// Step is one of them.
type Step struct {
	// Name is one of the names above.
	Name string
	// At is when it was done; nil when it is not, or nobody recorded it.
	At *time.Time
	// Took is how long it took; nil when that is not known. Together they are the time from the commit to
	// the end.
	Took *time.Duration
}

// Steps divides the time of the event. A time before the one of an earlier step is taken for that: a
// worker may have known of the tenant, and the tenant may have waited for its turn, before the event was
// committed; and clocks of machines differ.
func (t Timeline) Steps() []Step {
	created := t.CreatedAt
	times := []*time.Time{&created, t.DiscoveredAt, t.QueuedAt, t.TurnAt, t.AttemptedAt, t.PublishedAt}
	latest := created
	for i, at := range times {
		if at == nil {
			continue
		}
		if at.After(latest) {
			latest = *at
		}
		clamped := latest
		times[i] = &clamped
	}
	discovered, queued, turn, attempted, published := times[1], times[2], times[3], times[4], times[5]
	return []Step{
		{StepCommitted, &created, between(&created, &created)},
		{StepDiscovered, discovered, between(&created, discovered)},
		{StepTurn, turn, between(queued, turn)},
		{StepBacklog, attempted, both(between(discovered, queued), between(turn, attempted))},
		{StepAttempted, attempted, between(attempted, attempted)},
		{StepAcknowledged, published, between(attempted, published)},
	}
}

// Total is the time from the commit until everybody had taken the event; nil before.
func (t Timeline) Total() *time.Duration {
	total := between(&t.CreatedAt, t.PublishedAt)
	if total != nil {
		*total = max(*total, 0)
	}
	return total
}

func between(from, to *time.Time) *time.Duration {
	if from == nil || to == nil {
		return nil
	}
	took := to.Sub(*from)
	return &took
}

func both(one, other *time.Duration) *time.Duration {
	if one == nil || other == nil {
		return nil
	}
	sum := *one + *other
	return &sum
}
