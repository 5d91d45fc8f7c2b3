package outbox

import (
	"time"

	"github.com/tenantry/tenantry/app/rest"
)

type statusOutput struct{ Body statusBody }

type deliveriesOutput struct{ Body deliveriesBody }

type timelineOutput struct{ Body TimelineBody }

type replayOutput struct{ Body replayBody }

type skipOutput struct{ Body skipBody }

type republishOutput struct{ Body republishBody }

type pauseOutput struct{ Body pauseBody }

// statusBody is a page of tenants as operators see it, over HTTP and from commands.
type statusBody struct {
	Items       []tenantStatusBody `json:"items" nullable:"false" doc:"The tenants, cluster after cluster, in the order of their slugs."`
	NextCursor  *string            `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
	Unavailable []string           `json:"unavailable_clusters" nullable:"false" doc:"The clusters that did not answer; their tenants are missing."`
}

type tenantStatusBody struct {
	Slug                string  `json:"slug" example:"acme"`
	TenantID            string  `json:"tenant_id" format:"uuid"`
	Cluster             string  `json:"cluster" example:"main"`
	Paused              bool    `json:"paused" doc:"Whether an operator stopped the publishing."`
	Unpublished         int64   `json:"unpublished" doc:"Events that were not tried yet."`
	OldestUnpublishedAt *string `json:"oldest_unpublished_at" nullable:"true" format:"date-time" doc:"When the first of these was recorded; null when there is none."`
	OldestAgeSeconds    float64 `json:"oldest_age_seconds" doc:"How long that one waits; 0 when there is none."`
	Retrying            int64   `json:"retrying" doc:"Events that some handler did not take, and that are tried again."`
	Failed              int64   `json:"failed" doc:"Events that are not tried again by themselves."`
	LastVisitedAt       *string `json:"last_visited_at" nullable:"true" format:"date-time" doc:"When a worker looked last; null before the first time."`
	Holder              string  `json:"holder" doc:"The worker process that publishes for the tenant; empty when none does at the moment."`
	LeaseExpiresAt      *string `json:"lease_expires_at" nullable:"true" format:"date-time" doc:"Until when it does, unless it renews its lease; null when there is no holder."`
}

type deliveriesBody struct {
	Items      []deliveryBody `json:"items" nullable:"false" doc:"The deliveries, in the order of their events."`
	NextCursor *string        `json:"next_cursor" nullable:"true" doc:"Where the next page begins; null at the end."`
}

type deliveryBody struct {
	EventID       string                `json:"event_id" format:"uuid"`
	EventName     string                `json:"event_name" example:"User.created"`
	Aggregate     deliveryAggregateBody `json:"aggregate"`
	Handler       string                `json:"handler" example:"broker" doc:"Who did not take it; broker for the broker."`
	Status        string                `json:"status" enum:"retrying,waiting,failed" doc:"waiting means behind an earlier one of its aggregate and handler."`
	Attempts      int                   `json:"attempts" doc:"How often it was tried."`
	NextAttemptAt *string               `json:"next_attempt_at" nullable:"true" format:"date-time" doc:"When it is tried again; null unless it is retrying."`
	LastError     string                `json:"last_error" doc:"Why the last attempt failed."`
	CreatedAt     string                `json:"created_at" format:"date-time" doc:"When it failed, or had to wait, for the first time."`
}

type deliveryAggregateBody struct {
	Type string `json:"type" example:"User"`
	ID   string `json:"id" format:"uuid"`
}

type replayBody struct {
	Replayed int `json:"replayed" doc:"How many dead deliveries are tried again."`
}

type republishBody struct {
	Republished int `json:"republished" doc:"How many events go to the broker once more."`
}

type pauseBody struct {
	Slug   string `json:"slug" example:"acme"`
	Paused bool   `json:"paused"`
}

type skipBody struct {
	EventID     string `json:"event_id" format:"uuid"`
	Handler     string `json:"handler" example:"broker"`
	EventStatus string `json:"event_status" enum:"retrying,published,failed" doc:"The event's state without the delivery."`
}

func statusBodyOf(page StatusPage) statusBody {
	body := statusBody{
		Items: make([]tenantStatusBody, 0, len(page.Tenants)), NextCursor: rest.NextCursor(page.Next),
		Unavailable: append([]string{}, page.Unavailable...),
	}
	for _, t := range page.Tenants {
		body.Items = append(body.Items, tenantStatusBody{
			Slug: t.Slug, TenantID: t.TenantID, Cluster: t.Cluster, Paused: t.Paused,
			Unpublished: t.Unpublished, Retrying: t.Retrying, Failed: t.Failed,
			OldestUnpublishedAt: formatTime(t.OldestUnpublishedAt), OldestAgeSeconds: t.OldestAge.Seconds(),
			LastVisitedAt: formatTime(t.LastVisitedAt),
			Holder:        t.Holder, LeaseExpiresAt: formatTime(t.LeaseExpiresAt),
		})
	}
	return body
}

func deliveriesBodyOf(page DeliveryPage) deliveriesBody {
	body := deliveriesBody{Items: make([]deliveryBody, 0, len(page.Deliveries)), NextCursor: rest.NextCursor(page.Next)}
	for _, d := range page.Deliveries {
		body.Items = append(body.Items, deliveryBodyOf(d))
	}
	return body
}

func deliveryBodyOf(d Delivery) deliveryBody {
	body := deliveryBody{
		EventID: d.EventID, EventName: d.EventName, Handler: d.Handler, Status: d.Status, Attempts: d.Attempts,
		Aggregate: deliveryAggregateBody{Type: d.AggregateType, ID: d.AggregateID},
		LastError: d.LastError, CreatedAt: *formatTime(&d.CreatedAt),
	}
	if d.Status == Retrying {
		body.NextAttemptAt = formatTime(&d.NextAttemptAt)
	}
	return body
}

func skipBodyOf(s Skipped) skipBody {
	return skipBody(s)
}

// timeLayout is RFC 3339 in UTC with the microseconds that PostgreSQL keeps.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func formatTime(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.UTC().Format(timeLayout)
	return &text
}
