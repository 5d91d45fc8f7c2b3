package outbox

import (
	"strconv"
	"time"

	"github.com/tenantry/tenantry/app/module"
)

// showStatus makes the table of all tenants, and names below it the clusters that did not answer.
func showStatus(page StatusPage, now time.Time) module.Result {
	result := module.Result{
		JSON: statusBodyOf(page),
		Columns: []string{
			"tenant", "cluster", "unpublished", "oldest", "retrying", "failed", "visited", "holder", "paused",
		},
	}
	for _, t := range page.Tenants {
		paused, oldest := "no", "-"
		if t.Paused {
			paused = "yes"
		}
		if t.OldestUnpublishedAt != nil {
			oldest = roughly(t.OldestAge)
		}
		result.Rows = append(result.Rows, []string{
			t.Slug, t.Cluster, count(t.Unpublished), oldest, count(t.Retrying), count(t.Failed),
			ago(t.LastVisitedAt, now), orDash(t.Holder), paused,
		})
	}
	for _, cluster := range page.Unavailable {
		result.Notes = append(result.Notes, "Cluster "+cluster+" does not answer; its tenants are missing.")
	}
	return result
}

func showDeliveries(page DeliveryPage) module.Result {
	result := module.Result{
		JSON:    deliveriesBodyOf(page),
		Columns: []string{"event", "name", "aggregate", "handler", "status", "attempts", "first failed", "last error"},
	}
	for _, d := range page.Deliveries {
		result.Rows = append(result.Rows, []string{
			d.EventID, d.EventName, d.AggregateType + "/" + d.AggregateID, d.Handler, d.Status,
			strconv.Itoa(d.Attempts), d.CreatedAt.UTC().Format(time.RFC3339), orDash(d.LastError),
		})
	}
	if page.Next != "" {
		result.Notes = []string{"There are more; --limit shows them."}
	}
	return result
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func ago(at *time.Time, now time.Time) string {
	if at == nil {
		return "never"
	}
	return roughly(max(now.Sub(*at), 0)) + " ago"
}

// roughly leaves out what nobody reads: fractions of what is longer than a second.
func roughly(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
