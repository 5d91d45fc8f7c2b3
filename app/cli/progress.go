package cli

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tenantry/tenantry/migrations"
)

// progressInterval is how often a log tells how far a migration has come.
const progressInterval = 5 * time.Second

// progress shows how far the migration of tenants has come: as a bar on a terminal, else as a line of
// the log now and then.
func (r *runner) progress(log *slog.Logger) func(migrations.Progress) {
	if isTerminal(r.Stderr) {
		return r.progressBar()
	}
	return progressLines(log, time.Now)
}

func (r *runner) progressBar() func(migrations.Progress) {
	var bar *progressbar.ProgressBar
	return func(p migrations.Progress) {
		if bar == nil {
			bar = progressbar.NewOptions(p.Total,
				progressbar.OptionSetWriter(r.Stderr),
				progressbar.OptionSetDescription("migrating tenants"),
				progressbar.OptionShowCount(),
				progressbar.OptionShowIts(),
				progressbar.OptionSetPredictTime(true),
				progressbar.OptionOnCompletion(func() { fmt.Fprintln(r.Stderr) }),
			)
		}
		if p.Failed > 0 {
			bar.Describe(fmt.Sprintf("migrating tenants (%d failed)", p.Failed))
		}
		_ = bar.Set(p.Done) // a terminal that cannot be written to needs no bar
	}
}

func progressLines(log *slog.Logger, now func() time.Time) func(migrations.Progress) {
	last := now()
	return func(p migrations.Progress) {
		if p.Done < p.Total && now().Sub(last) < progressInterval {
			return
		}
		last = now()
		log.Info("migrating tenants", "done", p.Done, "failed", p.Failed, "total", p.Total)
	}
}
