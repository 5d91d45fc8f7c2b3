package outbox

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/tenants"
)

const (
	statusPath     = "/admin/v1/outbox"
	tenantPath     = "/admin/v1/tenants/{slug}"
	deliveriesPath = tenantPath + "/deliveries"
	outboxPath     = tenantPath + "/outbox"
	timelinePath   = tenantPath + "/events/{id}/timeline"
)

type statusInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type tenantInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
}

type deliveriesInput struct {
	Slug    string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	Status  string `query:"status" enum:"retrying,waiting,failed" example:"failed" doc:"Only deliveries of this status."`
	Handler string `query:"handler" example:"broker" doc:"Only deliveries to this handler; broker for what the broker refused."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor  string `query:"cursor" doc:"The next_cursor of the page before."`
}

type timelineInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	ID   string `path:"id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The event's id."`
}

type replayInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	Body struct {
		EventIDs []string   `json:"event_ids,omitempty" maxItems:"1000" doc:"The events whose dead deliveries are replayed."`
		All      bool       `json:"all,omitempty" doc:"Replay every dead delivery that the other fields allow."`
		Handler  string     `json:"handler,omitempty" example:"broker" doc:"Only deliveries to this handler."`
		From     *time.Time `json:"from,omitempty" example:"2026-01-02T00:00:00Z" doc:"Only what failed for the first time then or later."`
		To       *time.Time `json:"to,omitempty" example:"2026-01-03T00:00:00Z" doc:"Only what failed for the first time before."`
	}
}

type skipInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	Body struct {
		EventID string `json:"event_id" format:"uuid" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The event."`
		Handler string `json:"handler" minLength:"1" example:"broker" doc:"The handler that is not to get it."`
	}
}

type republishInput struct {
	Slug string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	Body struct {
		Since time.Time  `json:"since" example:"2026-01-02T00:00:00Z" doc:"The beginning of the time in which the broker lost events."`
		Until *time.Time `json:"until,omitempty" example:"2026-01-03T00:00:00Z" doc:"Its end; now when absent."`
	}
}

// adminRoutes are the operations for operators.
func adminRoutes(service *Service) func(huma.API) {
	return func(api huma.API) {
		d := door{service}
		huma.Register(api, show(statusPath, "outbox-status", "Show how far publishing is, per tenant"), d.status)
		huma.Register(api, about(show(timelinePath, "explain-event", "Tell why an event is late")), d.explain)
		huma.Register(api, about(show(deliveriesPath, "list-deliveries", "List what did not succeed at first")), d.deliveries)
		huma.Register(api, about(show(attemptsPath, "list-attempts", "List the failed attempts of an event")), d.attempts)
		huma.Register(api, show(handlersPath, "list-handlers", "List the handlers, and which of them are paused"), d.handlers)
		huma.Register(api, about(verb(handlerPath+"/pause", "pause-handler", "Stop calling a handler for all tenants")), d.pauseHandler)
		huma.Register(api, about(verb(handlerPath+"/resume", "resume-handler", "Call a handler again")), d.resumeHandler)
		huma.Register(api, about(verb(deliveriesPath+"/replay", "replay-deliveries", "Try dead deliveries again")), d.replay)
		huma.Register(api, about(verb(deliveriesPath+"/skip", "skip-delivery", "Give a delivery up")), d.skip)
		huma.Register(api, about(verb(outboxPath+"/republish", "republish-events", "Send events once more")), d.republish)
		huma.Register(api, about(verb(outboxPath+"/pause", "pause-outbox", "Stop publishing for a tenant")), d.pause)
		huma.Register(api, about(verb(outboxPath+"/resume", "resume-outbox", "Go on publishing for a tenant")), d.resume)
	}
}

func show(path, id, summary string) huma.Operation {
	return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"outbox"}}
}

func verb(path, id, summary string) huma.Operation {
	return huma.Operation{Method: http.MethodPost, Path: path, OperationID: id, Summary: summary, Tags: []string{"outbox"}}
}

// about adds what an operation on one tenant may answer: that there is none, or none that is ready.
func about(op huma.Operation) huma.Operation {
	op.Errors = []int{http.StatusNotFound, http.StatusConflict}
	return op
}

// door turns requests into calls of the service. The slug is copied, because Fiber uses the memory of a
// request's path again for the next one.
type door struct{ service *Service }

func (d door) status(ctx context.Context, in *statusInput) (*statusOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	page, err := d.service.Status(ctx, operator, StatusFilter{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	return &statusOutput{Body: statusBodyOf(page)}, nil
}

func (d door) deliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	page, err := d.service.Deliveries(ctx, operator, strings.Clone(in.Slug), DeliveryFilter{
		Status: in.Status, Handler: in.Handler, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	return &deliveriesOutput{Body: deliveriesBodyOf(page)}, nil
}

func (d door) explain(ctx context.Context, in *timelineInput) (*timelineOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	timeline, err := d.service.Explain(ctx, operator, strings.Clone(in.Slug), in.ID)
	if err != nil {
		return nil, err
	}
	return &timelineOutput{Body: operatorTimelineBodyOf(timeline)}, nil
}

func (d door) replay(ctx context.Context, in *replayInput) (*replayOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	replayed, err := d.service.Replay(ctx, operator, strings.Clone(in.Slug), Selection{
		EventIDs: b.EventIDs, All: b.All, Handler: b.Handler, From: b.From, To: b.To,
	})
	if err != nil {
		return nil, err
	}
	return &replayOutput{Body: replayBody{Replayed: replayed}}, nil
}

func (d door) skip(ctx context.Context, in *skipInput) (*skipOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	skipped, err := d.service.Skip(ctx, operator, strings.Clone(in.Slug), in.Body.EventID, in.Body.Handler)
	if err != nil {
		return nil, err
	}
	return &skipOutput{Body: skipBodyOf(skipped)}, nil
}

func (d door) republish(ctx context.Context, in *republishInput) (*republishOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	period := Period{Since: in.Body.Since}
	if in.Body.Until != nil {
		period.Until = *in.Body.Until
	}
	republished, err := d.service.Republish(ctx, operator, strings.Clone(in.Slug), period)
	if err != nil {
		return nil, err
	}
	return &republishOutput{Body: republishBody{Republished: republished}}, nil
}

func (d door) pause(ctx context.Context, in *tenantInput) (*pauseOutput, error) {
	return setPaused(ctx, in, d.service.Pause, true)
}

func (d door) resume(ctx context.Context, in *tenantInput) (*pauseOutput, error) {
	return setPaused(ctx, in, d.service.Resume, false)
}

func setPaused(
	ctx context.Context, in *tenantInput,
	verb func(context.Context, tenants.Actor, string) (tenants.Tenant, error), paused bool,
) (*pauseOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	tenant, err := verb(ctx, operator, strings.Clone(in.Slug))
	if err != nil {
		return nil, err
	}
	return &pauseOutput{Body: pauseBody{Slug: tenant.Slug, Paused: paused}}, nil
}
