package audit

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
)

const path = "/v1/events"

type listInput struct {
	Name          string    `query:"name" example:"User.created" doc:"Only events of this name."`
	AggregateType string    `query:"aggregate_type" example:"User" doc:"Only events of aggregates of this type."`
	AggregateID   string    `query:"aggregate_id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"Only events of this aggregate."`
	ActorID       string    `query:"actor_id" doc:"Only what this actor did."`
	Status        string    `query:"status" enum:"unpublished,retrying,published,failed" doc:"Only events in this publishing state."`
	From          time.Time `query:"from" example:"2026-01-02T00:00:00Z" doc:"Only events recorded at this time or later."`
	To            time.Time `query:"to" example:"2026-01-03T00:00:00Z" doc:"Only events recorded before this time."`
	Limit         int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor        string    `query:"cursor" doc:"The next_cursor of the page before."`
}

type listOutput struct {
	Body struct {
		Items      []body  `json:"items" nullable:"false" doc:"The events, newest first."`
		NextCursor *string `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
	}
}

type getInput struct {
	ID string `path:"id" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The event's id."`
}

type output struct {
	Body body
}

type timelineOutput struct {
	Body outbox.TimelineBody
}

// body is an event as clients see it.
type body struct {
	ID          string          `json:"id" format:"uuid"`
	Name        string          `json:"name" example:"User.created"`
	Aggregate   aggregateBody   `json:"aggregate"`
	ActorID     string          `json:"actor_id" doc:"Who did it."`
	RequestID   string          `json:"request_id" doc:"The request that did it, empty when it was none."`
	Data        json.RawMessage `json:"data" doc:"What happened; a change says what was and what became."`
	CreatedAt   string          `json:"created_at" format:"date-time" example:"2026-01-02T03:04:05.678901Z"`
	Status      string          `json:"status" enum:"unpublished,retrying,published,failed"`
	Attempts    *int            `json:"attempts" nullable:"true" doc:"How often it was tried; null once its publishing state was pruned."`
	PublishedAt *string         `json:"published_at" nullable:"true" format:"date-time" doc:"When it was published; null before, and once its publishing state was pruned."`
}

type aggregateBody struct {
	Type    string `json:"type" example:"User"`
	ID      string `json:"id" format:"uuid"`
	Version int64  `json:"version" doc:"The version that the change made."`
}

// routes registers the operations. What is common to all of them, such as the security scheme and
// the answers of the middleware, is added by the app.
func routes(api huma.API, service *Service) {
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: "list-events", Tags: []string{"events"},
		Summary: "List what happened, newest first", Description: "For admins and auditors.",
	}, door{service}.list)
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: path + "/{id}", OperationID: "get-event", Tags: []string{"events"},
		Summary: "Get an event", Description: "For admins and auditors.", Errors: []int{http.StatusNotFound},
	}, door{service}.get)
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: path + "/{id}/timeline", OperationID: "get-event-timeline", Tags: []string{"events"},
		Summary: "Tell why an event is late", Description: "Where its time went, and what it waits for. For admins and auditors.",
		Errors: []int{http.StatusNotFound},
	}, door{service}.timeline)
}

// door turns requests into calls of the service. The actor and the scope leave the context here.
type door struct{ service *Service }

func (d door) list(ctx context.Context, in *listInput) (*listOutput, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	page, err := d.service.List(ctx, actor, scope, Filter{
		Name: in.Name, AggregateType: in.AggregateType, AggregateID: in.AggregateID, ActorID: in.ActorID,
		Status: Status(in.Status), From: in.From, To: in.To, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.NextCursor = rest.NextCursor(page.Next)
	out.Body.Items = make([]body, 0, len(page.Events))
	for _, event := range page.Events {
		out.Body.Items = append(out.Body.Items, bodyOf(event))
	}
	return out, nil
}

func (d door) get(ctx context.Context, in *getInput) (*output, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	event, err := d.service.Get(ctx, actor, scope, in.ID)
	if err != nil {
		return nil, err
	}
	return &output{Body: bodyOf(event)}, nil
}

func (d door) timeline(ctx context.Context, in *getInput) (*timelineOutput, error) {
	actor, scope, err := tenants.Access(ctx)
	if err != nil {
		return nil, err
	}
	timeline, err := d.service.Timeline(ctx, actor, scope, in.ID)
	if err != nil {
		return nil, err
	}
	return &timelineOutput{Body: outbox.TimelineBodyOf(timeline)}, nil
}

// timeLayout is RFC 3339 in UTC with the microseconds that PostgreSQL keeps.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func bodyOf(e Event) body {
	b := body{
		ID: e.ID, Name: e.Name, ActorID: e.ActorID, RequestID: e.RequestID, Data: e.Data,
		Aggregate: aggregateBody{Type: e.AggregateType, ID: e.AggregateID, Version: e.AggregateVersion},
		CreatedAt: e.CreatedAt.UTC().Format(timeLayout), Status: string(e.Status), Attempts: e.Attempts,
	}
	if e.PublishedAt != nil {
		at := e.PublishedAt.UTC().Format(timeLayout)
		b.PublishedAt = &at
	}
	return b
}
