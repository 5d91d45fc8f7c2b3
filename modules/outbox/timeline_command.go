package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
)

func explainCommand() module.Command {
	return module.Command{
		Path: []string{"outbox", "explain"}, Arguments: "EVENT",
		Short:   "Tell why an event is late: where its time went, and what it waits for",
		Example: "tenantry outbox explain 01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11 --tenant acme",
		Flags:   func(flags *pflag.FlagSet) { flags.String("tenant", "", "the tenant's slug") },
		Run: func(ctx context.Context, env module.Env, call module.Call) (module.Result, error) {
			in := read(call, env)
			tenant := in.required("tenant")
			if err := in.err(); err != nil {
				return module.Result{}, err
			}
			timeline, err := serviceOf(env).Explain(ctx, call.Actor, tenant, call.Args[0])
			if err != nil {
				return module.Result{}, err
			}
			return showTimeline(timeline), nil
		},
	}
}

// showTimeline makes one table of the steps, the failed attempts and what is open.
func showTimeline(t Timeline) module.Result {
	result := module.Result{
		JSON:    operatorTimelineBodyOf(t),
		Columns: []string{"step", "at", "took", "detail"},
	}
	for _, step := range t.Steps() {
		took := "-"
		if step.Took != nil {
			took = roughly(*step.Took)
		}
		result.Rows = append(result.Rows, []string{strings.ReplaceAll(step.Name, "_", " "), clockTime(step.At), took, ""})
	}
	for _, f := range t.Failures {
		took := time.Duration(f.TookMs * float64(time.Millisecond))
		detail := fmt.Sprintf("%s, attempt %d: %s", f.Handler, f.Attempt, f.Error)
		result.Rows = append(result.Rows, []string{"failed attempt", clockTime(&f.StartedAt), roughly(took), detail})
	}
	for _, d := range t.Deliveries {
		at := "-"
		if d.Status == Retrying {
			at = clockTime(&d.NextAttemptAt)
		}
		detail := fmt.Sprintf("%s, after %s: %s", d.Handler, attempts(d.Attempts), orDash(d.LastError))
		result.Rows = append(result.Rows, []string{"open: " + d.Status, at, "-", detail})
	}
	result.Notes = append(result.Notes, t.Reason(), fmt.Sprintf("Held by %s; last visited: %s.",
		orNobody(t.Publishing.Holder), ago(t.Publishing.LastVisitedAt, t.Publishing.At)))
	return result
}

func orNobody(holder string) string {
	if holder == "" {
		return "no worker"
	}
	return holder
}

func clockTime(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}
