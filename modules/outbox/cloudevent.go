package outbox

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tenantry/tenantry/workers"
)

// message is an event as a CloudEvent 1.0 in binary mode: attributes in the headers, data in the body.
// The message id is the event's, so that the broker drops what it has already.
func message(e *workers.Event) *nats.Msg {
	header := nats.Header{
		nats.MsgIdHdr:         {e.ID},
		"ce-specversion":      {"1.0"},
		"ce-id":               {e.ID},
		"ce-type":             {e.Name},
		"ce-source":           {"/tenants/" + e.TenantSlug},
		"ce-subject":          {e.AggregateType + "/" + e.AggregateID},
		"ce-time":             {e.CreatedAt.UTC().Format(time.RFC3339Nano)},
		"ce-tenant":           {e.TenantID},
		"ce-aggregateversion": {strconv.FormatInt(e.AggregateVersion, 10)},
		"ce-actor":            {e.ActorID},
		"content-type":        {"application/json"},
	}
	if e.TraceParent != "" {
		header["ce-traceparent"] = []string{e.TraceParent}
	}
	return &nats.Msg{Subject: SubjectPrefix + e.TenantSlug + "." + e.Name, Header: header, Data: e.Data}
}
