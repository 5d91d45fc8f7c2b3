package outbox

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/workers"
)

// Reason says in one sentence why the event is not published yet, or where most of its time went. It
// names nothing of other tenants, and no worker.
func (t Timeline) Reason() string {
	switch {
	case t.Pruned:
		return "It was published, and its times were pruned."
	case t.Status == Published:
		return t.spent()
	case t.Publishing.Paused:
		return "An operator has paused publishing for the tenant."
	case t.Status == Unpublished:
		return t.queued()
	default:
		return t.open()
	}
}

// spent names the step of a published event that took longest.
func (t Timeline) spent() string {
	total := t.Total()
	if total == nil {
		return "It was published."
	}
	text := "It was published " + roughly(*total) + " after its commit"
	where := map[string]string{
		StepDiscovered:   "until a worker knew that the tenant had work",
		StepTurn:         "waiting for the tenant's turn",
		StepBacklog:      "waiting behind the tenant's own earlier events",
		StepAcknowledged: "until the broker and all handlers had taken it",
	}
	var longest Step
	for _, step := range t.Steps() {
		if step.Took != nil && where[step.Name] != "" && (longest.Took == nil || *step.Took > *longest.Took) {
			longest = step
		}
	}
	if longest.Took == nil || *longest.Took == 0 {
		return text + "."
	}
	return text + ", most of it " + where[longest.Name] + " (" + roughly(*longest.Took) + ")."
}

// queued says what an event waits for that was not tried yet.
func (t Timeline) queued() string {
	switch {
	case t.Publishing.Holder == "" && t.Publishing.LastVisitedAt == nil:
		return "No worker holds the tenant, and none has looked at it yet."
	case t.Publishing.Holder == "":
		return "No worker holds the tenant at the moment; one looked " + ago(t.Publishing.LastVisitedAt, t.Publishing.At) + "."
	case t.Ahead >= manyAhead:
		return fmt.Sprintf("At least %d earlier events of the tenant come first.", manyAhead)
	case t.Ahead == 1:
		return "One earlier event of the tenant comes first."
	case t.Ahead > 0:
		return fmt.Sprintf("%d earlier events of the tenant come first.", t.Ahead)
	default:
		return "It is the tenant's next, and waits for the tenant's turn or for the broker."
	}
}

// open tells of the delivery that says most: one that is tried again, before one that waits for it, and
// both before one that is dead.
func (t Timeline) open() string {
	for _, status := range []Status{Retrying, Waiting, Failed} {
		i := slices.IndexFunc(t.Deliveries, func(d OpenDelivery) bool { return d.Status == status })
		if i >= 0 {
			return t.delivery(t.Deliveries[i])
		}
	}
	return "It is tried again by itself."
}

func (t Timeline) delivery(d OpenDelivery) string {
	who := handlerName(d.Handler)
	switch {
	case d.Status == Failed:
		return fmt.Sprintf("It failed at %s after %s: an operator has to replay or skip it.", who, attempts(d.Attempts))
	case slices.Contains(t.Publishing.PausedHandlers, d.Handler):
		return fmt.Sprintf("An operator has paused %s.", who)
	case d.Status == Waiting && d.BehindStatus == Failed:
		return fmt.Sprintf("It waits behind event %s of its aggregate, which failed at %s and has to be replayed or skipped.",
			d.BehindEventID, who)
	case d.Status == Waiting:
		return fmt.Sprintf("It waits behind event %s of its aggregate for %s.", d.BehindEventID, who)
	default:
		at := d.NextAttemptAt.UTC().Format(time.RFC3339)
		return fmt.Sprintf("It is tried again at %s by %s, after %s.", at, who, attempts(d.Attempts))
	}
}

func handlerName(handler string) string {
	if handler == workers.BrokerName {
		return "the broker"
	}
	return "the handler " + handler
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
