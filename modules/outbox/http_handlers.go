package outbox

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

const (
	attemptsPath = deliveriesPath + "/{event_id}/attempts"
	handlersPath = "/admin/v1/handlers"
	handlerPath  = handlersPath + "/{handler}"
)

type attemptsInput struct {
	Slug    string `path:"slug" example:"acme" doc:"The tenant's slug, also one that it had before, or its id."`
	EventID string `path:"event_id" format:"uuid" example:"01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11" doc:"The event."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor  string `query:"cursor" doc:"The next_cursor of the page before."`
}

type attemptsOutput struct{ Body attemptsBody }

type attemptsBody struct {
	Items      []attemptBody `json:"items" nullable:"false" doc:"The failed attempts, in the order in which they began."`
	NextCursor *string       `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
}

type attemptBody struct {
	Handler   string  `json:"handler" example:"broker" doc:"Who did not take the event; broker for the broker."`
	Attempt   int     `json:"attempt" doc:"Counts from 1, and again from 1 after a replay."`
	StartedAt string  `json:"started_at" format:"date-time" doc:"When the attempt began."`
	TookMS    float64 `json:"took_ms" doc:"How many milliseconds it took."`
	Error     string  `json:"error" doc:"Why it failed."`
}

type handlerInput struct {
	Handler string `path:"handler" example:"invoices" doc:"The handler's name."`
}

type handlersInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The size of the page."`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type handlersOutput struct{ Body handlersBody }

type handlersBody struct {
	Items       []handlerBody `json:"items" nullable:"false" doc:"The handlers, in the order of their names."`
	NextCursor  *string       `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
	Unavailable []string      `json:"unavailable_clusters" nullable:"false" doc:"The clusters that did not answer; what is paused there is not known."`
}

type handlerBody struct {
	Handler     string   `json:"handler" example:"invoices"`
	Events      []string `json:"events" nullable:"false" doc:"The events that it reacts to; * stands for all."`
	Destination string   `json:"destination" doc:"What it calls; empty when it only writes to the tenant's schema."`
	Registered  bool     `json:"registered" doc:"Whether this program knows the handler."`
	Paused      bool     `json:"paused" doc:"Whether an operator stopped its calls."`
	PausedAt    *string  `json:"paused_at" nullable:"true" format:"date-time" doc:"Since when; null when it is not paused."`
	PausedOn    []string `json:"paused_clusters" nullable:"false" doc:"The clusters on which it is paused."`
}

type handlerPauseOutput struct{ Body handlerPauseBody }

type handlerPauseBody struct {
	Handler string `json:"handler" example:"invoices"`
	Paused  bool   `json:"paused"`
}

func (d door) attempts(ctx context.Context, in *attemptsInput) (*attemptsOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	page, err := d.service.Attempts(ctx, operator, strings.Clone(in.Slug), strings.Clone(in.EventID),
		AttemptFilter{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	return &attemptsOutput{Body: attemptsBodyOf(page)}, nil
}

func (d door) handlers(ctx context.Context, in *handlersInput) (*handlersOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	list, err := d.service.Handlers(ctx, operator)
	if err != nil {
		return nil, err
	}
	next, err := list.cut(in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	body := handlersBodyOf(list)
	body.NextCursor = rest.NextCursor(next)
	return &handlersOutput{Body: body}, nil
}

// handlerPosition is where a page of handlers ends.
type handlerPosition struct {
	Name string `json:"n"`
}

// cut leaves one page of the list.
func (l *HandlerList) cut(limit int, cursor string) (next string, err error) {
	if cursor != "" {
		after, err := rest.DecodeCursor(cursor, func(p handlerPosition) bool { return p.Name != "" })
		if err != nil {
			return "", err
		}
		l.Handlers = slices.DeleteFunc(l.Handlers, func(h HandlerState) bool { return h.Name <= after.Name })
	}
	l.Handlers, next, err = rest.Cut(l.Handlers, limit, func(h HandlerState) any { return handlerPosition{h.Name} })
	return next, err
}

func (d door) pauseHandler(ctx context.Context, in *handlerInput) (*handlerPauseOutput, error) {
	return setHandlerPaused(ctx, in, d.service.PauseHandler, true)
}

func (d door) resumeHandler(ctx context.Context, in *handlerInput) (*handlerPauseOutput, error) {
	return setHandlerPaused(ctx, in, d.service.ResumeHandler, false)
}

func setHandlerPaused(
	ctx context.Context, in *handlerInput, verb func(context.Context, tenants.Actor, string) error, paused bool,
) (*handlerPauseOutput, error) {
	operator, err := tenants.OperatorFrom(ctx)
	if err != nil {
		return nil, err
	}
	handler, err := url.PathUnescape(strings.Clone(in.Handler)) // a handler's name may hold what a path may not
	if err != nil {
		return nil, unknownHandler()
	}
	if err := verb(ctx, operator, handler); err != nil {
		return nil, err
	}
	return &handlerPauseOutput{Body: handlerPauseBody{Handler: handler, Paused: paused}}, nil
}

func attemptsBodyOf(page AttemptPage) attemptsBody {
	body := attemptsBody{Items: make([]attemptBody, 0, len(page.Attempts)), NextCursor: rest.NextCursor(page.Next)}
	for _, a := range page.Attempts {
		body.Items = append(body.Items, attemptBody{
			Handler: a.Handler, Attempt: a.Attempt, StartedAt: *formatTime(&a.StartedAt), TookMS: a.TookMS, Error: a.Error,
		})
	}
	return body
}

func handlersBodyOf(list HandlerList) handlersBody {
	body := handlersBody{
		Items: make([]handlerBody, 0, len(list.Handlers)), Unavailable: append([]string{}, list.Unavailable...),
	}
	for _, h := range list.Handlers {
		body.Items = append(body.Items, handlerBody{
			Handler: h.Name, Events: append([]string{}, h.Events...), Destination: h.Destination, Registered: h.Registered,
			Paused: h.PausedAt != nil, PausedAt: formatTime(h.PausedAt), PausedOn: append([]string{}, h.PausedOn...),
		})
	}
	return body
}
