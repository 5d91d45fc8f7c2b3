package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/tenants"
)

// The verdicts of an examination.
const (
	verdictOK   = "ok"
	verdictWarn = "warn"
	verdictFail = "fail"
)

// finding is one thing that was examined.
type finding struct {
	Where   string `json:"where"`
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Advice  string `json:"advice,omitempty"`
}

func (r *runner) doctor() *cobra.Command {
	var bootstrap bool
	cmd := r.takesJSON(&cobra.Command{
		Use:   "doctor",
		Short: "Examine the servers, the fences, the broker and the settings, and say what to do",
		Example: "  tenantry doctor\n  tenantry doctor --json\n" +
			"  tenantry doctor --bootstrap-sql | psql postgres://postgres@db.example/tenantry",
		Args: takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			if bootstrap {
				_, err := io.WriteString(r.Stdout, embedded.BootstrapSQL())
				return err //nolint:wrapcheck // whoever closed the pipe knows
			}
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				return r.report(examine(cmd.Context(), a))
			})
		}),
	})
	cmd.Flags().BoolVar(&bootstrap, "bootstrap-sql", false,
		"print what a superuser runs once in each database before the program uses it")
	cmd.MarkFlagsMutuallyExclusive("bootstrap-sql", "json")
	return cmd
}

func examine(ctx context.Context, a *app.App) []finding {
	var all []finding
	for _, found := range a.Tenants().Inspect(ctx) {
		all = append(all, findingOf(found))
	}
	all = append(all, examinePinned(ctx, a)...)
	all = append(all, examineBroker(ctx, a.Env(), a.Settings())...)
	return append(all, examineSettings(a.Settings())...)
}

func findingOf(found tenants.Finding) finding {
	verdict := verdictFail
	if found.OK {
		verdict = verdictOK
	}
	return finding{
		Where: "cluster " + found.Cluster, Name: found.Name, Verdict: verdict,
		Detail: mask(found.Detail), Advice: found.Advice,
	}
}

// report prints what was found. Something that fails makes the command fail.
func (r *runner) report(all []finding) error {
	rows := make([][]string, len(all))
	failed := 0
	for i, f := range all {
		rows[i] = []string{f.Verdict, f.Where, f.Name, f.Detail}
		if f.Advice != "" {
			rows[i][3] += "; advice: " + f.Advice
		}
		if f.Verdict == verdictFail {
			failed++
		}
	}
	columns := []string{"verdict", "where", "what", "found"}
	if err := r.show(module.Result{JSON: all, Columns: columns, Rows: rows}); err != nil {
		return err
	}
	if failed > 0 {
		fmt.Fprintf(r.Stderr, "%d of %d examinations failed.\n", failed, len(all))
		return errReported
	}
	return nil
}
