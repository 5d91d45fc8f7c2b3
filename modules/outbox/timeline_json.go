package outbox

import "time"

// TimelineBody is a timeline as clients see it. What only operators see is absent from a tenant's.
type TimelineBody struct {
	EventID        string                 `json:"event_id" format:"uuid"`
	EventName      string                 `json:"event_name" example:"User.created"`
	Aggregate      timelineAggregateBody  `json:"aggregate"`
	Status         string                 `json:"status" enum:"unpublished,retrying,published,failed"`
	Reason         string                 `json:"reason" doc:"Why it is not published yet, or where most of its time went."`
	TotalSeconds   *float64               `json:"total_seconds" nullable:"true" doc:"From the commit until everybody had taken it; null before, and once its publishing state was pruned."`
	Steps          []timelineStepBody     `json:"steps" nullable:"false" doc:"Where its time went, in order."`
	Deliveries     []timelineDeliveryBody `json:"deliveries" nullable:"false" doc:"The handlers that have still to take it."`
	FailedAttempts []timelineAttemptBody  `json:"failed_attempts" nullable:"false" doc:"The latest attempts that failed, in order."`
	Worker         *timelineWorkerBody    `json:"worker,omitempty" doc:"Who publishes for the tenant; for operators only."`
}

type timelineAggregateBody struct {
	Type    string `json:"type" example:"User"`
	ID      string `json:"id" format:"uuid"`
	Version int64  `json:"version" doc:"The version that the change made."`
}

type timelineStepBody struct {
	Step    string   `json:"step" enum:"committed,discovered,waited_for_turn,waited_behind_own_backlog,attempted,acknowledged"`
	At      *string  `json:"at" nullable:"true" format:"date-time" doc:"When it was done; null before, and where it was not recorded."`
	Seconds *float64 `json:"seconds" nullable:"true" doc:"How long it took; null where that is not known."`
}

type timelineDeliveryBody struct {
	Handler       string  `json:"handler" example:"broker" doc:"Who has still to take it; broker for the broker."`
	Status        string  `json:"status" enum:"retrying,waiting,failed" doc:"waiting means behind an earlier one of its aggregate and handler."`
	Attempts      int     `json:"attempts" doc:"How often it was tried."`
	NextAttemptAt *string `json:"next_attempt_at" nullable:"true" format:"date-time" doc:"When it is tried again; null unless it is retrying."`
	BehindEventID *string `json:"behind_event_id" nullable:"true" format:"uuid" doc:"The event that it waits for; null unless it is waiting."`
	LastError     string  `json:"last_error,omitempty" doc:"Why the last attempt failed; for operators only."`
}

type timelineAttemptBody struct {
	Handler   string  `json:"handler" example:"broker"`
	Attempt   int     `json:"attempt" doc:"Counts the attempts of the handler, from 1."`
	StartedAt string  `json:"started_at" format:"date-time"`
	Seconds   float64 `json:"seconds" doc:"How long it took."`
	Error     string  `json:"error,omitempty" doc:"Why it failed; for operators only."`
}

type timelineWorkerBody struct {
	Holder         string   `json:"holder" doc:"The worker process that publishes for the tenant; empty when none does at the moment."`
	LastVisitedAt  *string  `json:"last_visited_at" nullable:"true" format:"date-time" doc:"When a worker looked last; null before the first time."`
	Paused         bool     `json:"paused" doc:"Whether an operator stopped the publishing."`
	PausedHandlers []string `json:"paused_handlers" nullable:"false" doc:"The handlers that an operator paused for all tenants."`
}

// TimelineBodyOf is what a tenant sees: neither the errors of handlers, which are not written for it, nor
// which worker holds it.
func TimelineBodyOf(t Timeline) TimelineBody {
	body := operatorTimelineBodyOf(t)
	body.Worker = nil
	for i := range body.Deliveries {
		body.Deliveries[i].LastError = ""
	}
	for i := range body.FailedAttempts {
		body.FailedAttempts[i].Error = ""
	}
	return body
}

func operatorTimelineBodyOf(t Timeline) TimelineBody {
	body := TimelineBody{
		EventID: t.EventID, EventName: t.EventName, Status: t.Status, Reason: t.Reason(), TotalSeconds: seconds(t.Total()),
		Aggregate:      timelineAggregateBody{Type: t.AggregateType, ID: t.AggregateID, Version: t.AggregateVersion},
		Steps:          []timelineStepBody{},
		Deliveries:     []timelineDeliveryBody{},
		FailedAttempts: []timelineAttemptBody{},
		Worker: &timelineWorkerBody{
			Holder: t.Publishing.Holder, LastVisitedAt: formatTime(t.Publishing.LastVisitedAt), Paused: t.Publishing.Paused,
			PausedHandlers: append([]string{}, t.Publishing.PausedHandlers...),
		},
	}
	for _, step := range t.Steps() {
		body.Steps = append(body.Steps, timelineStepBody{step.Name, formatTime(step.At), seconds(step.Took)})
	}
	for _, d := range t.Deliveries {
		body.Deliveries = append(body.Deliveries, timelineDeliveryBodyOf(d))
	}
	for _, f := range t.Failures {
		body.FailedAttempts = append(body.FailedAttempts, timelineAttemptBody{
			Handler: f.Handler, Attempt: f.Attempt, StartedAt: *formatTime(&f.StartedAt), Seconds: f.TookMs / 1000, Error: f.Error,
		})
	}
	return body
}

func timelineDeliveryBodyOf(d OpenDelivery) timelineDeliveryBody {
	body := timelineDeliveryBody{Handler: d.Handler, Status: d.Status, Attempts: d.Attempts, LastError: d.LastError}
	if d.Status == Retrying {
		body.NextAttemptAt = formatTime(&d.NextAttemptAt)
	}
	if d.BehindEventID != "" {
		body.BehindEventID = &d.BehindEventID
	}
	return body
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}
