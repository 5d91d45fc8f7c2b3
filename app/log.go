package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

// NewLog makes the process's log as the settings say; terminal decides where they leave the format
// open. What is logged with a request's context carries the request's id, tenant and actor.
func NewLog(to io.Writer, settings config.Settings, terminal bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.LogLevel}
	var handler slog.Handler = slog.NewJSONHandler(to, options)
	if settings.LogFormat == "text" || settings.LogFormat == "" && terminal {
		handler = slog.NewTextHandler(to, options)
	}
	return slog.New(requestHandler{handler})
}

// requestHandler adds to a record whose request it belongs to.
type requestHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	id := tenants.RequestID(ctx)
	if id == "" || has(record, "request_id") {
		return h.Handler.Handle(ctx, record) //nolint:wrapcheck // it is the handler around it
	}
	record = record.Clone()
	record.AddAttrs(slog.String("request_id", id))
	if actor, scope, err := tenants.Access(ctx); err == nil {
		record.AddAttrs(slog.String("tenant", scope.Slug()), slog.String("actor", actor.UserID))
	} else if operator, err := tenants.OperatorFrom(ctx); err == nil {
		record.AddAttrs(slog.String("actor", operator.UserID))
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // likewise
}

// WithAttrs implements slog.Handler.
func (h requestHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

func has(record slog.Record, key string) bool {
	found := false
	record.Attrs(func(attribute slog.Attr) bool {
		found = attribute.Key == key
		return !found
	})
	return found
}
