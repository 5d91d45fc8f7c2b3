package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/bench/plot"
)

// plotCommand draws what was measured.
func plotCommand() module.Command {
	return module.Command{
		Path:       []string{"bench", "plot"},
		Short:      "Draw what bench --json has printed, against the number of tenants, as SVG",
		Example:    "tenantry bench plot --from bench.json --out docs/benchmarks",
		Standalone: true,
		Flags: func(flags *pflag.FlagSet) {
			flags.StringSlice("from", nil, "files with what bench --json has printed; a later one replaces what it measured again")
			flags.String("out", ".", "folder for the drawings")
		},
		Run: func(_ context.Context, _ module.Env, call module.Call) (module.Result, error) {
			from, _ := call.Flags.GetStringSlice("from")
			out, _ := call.Flags.GetString("out")
			return drawAll(from, out)
		},
	}
}

// drawAll draws all charts that the reports have figures for.
func drawAll(from []string, out string) (module.Result, error) {
	if len(from) == 0 {
		return module.Result{}, invalid("from", "names at least one file that bench --json has printed")
	}
	report, err := readReports(from)
	if err != nil {
		return module.Result{}, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // drawings are for everybody
		return module.Result{}, fmt.Errorf("make the folder: %w", err)
	}
	files := []string{}
	rows := [][]string{}
	for _, chart := range plot.Charts(report) {
		file := filepath.Join(out, chart.File)
		if err := draw(chart, file); err != nil {
			return module.Result{}, err
		}
		files, rows = append(files, file), append(rows, []string{file})
	}
	if len(files) == 0 {
		return module.Result{}, invalid("from", "has nothing that there is a drawing for")
	}
	return module.Result{JSON: files, Columns: []string{"drawing"}, Rows: rows}, nil
}

func readReports(from []string) (plot.Report, error) {
	var all plot.Report
	for _, name := range from {
		file, err := os.Open(name)
		if err != nil {
			return plot.Report{}, invalid("from", "cannot be read: %s", err)
		}
		report, err := plot.Read(file)
		_ = file.Close()
		if err != nil {
			return plot.Report{}, invalid("from", "has no report in %s: %s", name, err)
		}
		all.Add(report)
	}
	return all, nil
}

func draw(chart plot.Chart, name string) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("make a drawing: %w", err)
	}
	_, err = chart.WriteTo(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
