package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

const (
	pinnedName   = "vacuum"
	pinnedAdvice = "end the session (pg_terminate_backend), ROLLBACK PREPARED, or drop the slot; " +
		"idle_in_transaction_session_timeout keeps it from coming back"
)

// examinePinned looks on every cluster for what holds back vacuum. It is nothing that is wrong with the
// installation, so it is a warning.
func examinePinned(ctx context.Context, a *app.App) []finding {
	var all []finding
	for _, name := range a.Clusters().Names() {
		cluster, err := a.Clusters().Get(name)
		if err != nil {
			continue // it is one of those that were just listed
		}
		all = append(all, pinnedFinding(ctx, cluster, a.Settings().Worker.PinnedAfter))
	}
	return all
}

func pinnedFinding(ctx context.Context, cluster *tenants.Cluster, after time.Duration) finding {
	where := "cluster " + cluster.Name()
	pins, err := cluster.Pinned(ctx)
	if err != nil {
		return finding{
			where, pinnedName, verdictWarn, "what holds it back cannot be looked at",
			"mend what else is found of this cluster, or run `tenantry migrate up`",
		}
	}
	if old := oldPins(pins, after); len(old) > 0 {
		return finding{where, pinnedName, verdictWarn, "held back by " + strings.Join(old, ", "), pinnedAdvice}
	}
	if sees, err := cluster.SeesStatistics(ctx); err != nil || !sees {
		return finding{
			where, pinnedName, verdictWarn, "since when others' transactions last cannot be seen; a worker counts it itself",
			"as a superuser: GRANT pg_read_all_stats TO the owner's login, as `tenantry doctor --bootstrap-sql` does",
		}
	}
	return finding{where, pinnedName, verdictOK, "nothing holds it back for longer than " + after.String(), ""}
}

// oldPins describes what lasts too long. A slot that nobody uses has no age, and will not let go by
// itself.
func oldPins(pins []tenants.Pin, after time.Duration) []string {
	var old []string
	for _, p := range pins {
		idleSlot := p.Kind == "replication slot" && p.State == "inactive"
		if p.Age < after && !idleSlot {
			continue
		}
		old = append(old, describePin(p))
	}
	return old
}

func describePin(p tenants.Pin) string {
	var text strings.Builder
	text.WriteString(p.Kind)
	for _, detail := range []struct{ label, value string }{
		{"", p.Name}, {"pid ", pidOf(p)}, {"of ", p.Login}, {"application ", p.Application}, {"", p.State}, {"for ", ageOf(p)},
	} {
		if detail.value != "" {
			text.WriteString(" " + detail.label + detail.value)
		}
	}
	fmt.Fprintf(&text, " (%d transactions)", p.Transactions)
	return text.String()
}

func ageOf(p tenants.Pin) string {
	if p.Age == 0 {
		return ""
	}
	return p.Age.Round(time.Second).String()
}

func pidOf(p tenants.Pin) string {
	if p.PID == 0 {
		return ""
	}
	return fmt.Sprint(p.PID)
}
