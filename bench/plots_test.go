package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/module"
)

func callPlot(t *testing.T, args ...string) (module.Result, error) {
	t.Helper()
	command := plotCommand()
	flags := pflag.NewFlagSet("plot", pflag.ContinueOnError)
	command.Flags(flags)
	require.NoError(t, flags.Parse(args))
	return command.Run(t.Context(), module.Env{}, module.Call{Flags: flags})
}

func TestPlotDrawsWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	result, err := callPlot(t, "--from", "plot/testdata/report.json", "--out", dir)
	require.NoError(t, err)
	require.Len(t, result.Rows, 6)
	want, err := os.ReadFile("plot/testdata/drain.svg")
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "drain.svg"))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestPlotSaysWhatItCannotDraw(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(empty, []byte("{}"), 0o600))
	for _, args := range [][]string{nil, {"--from", "none.json"}, {"--from", "plots_test.go"}, {"--from", empty}} {
		_, err := callPlot(t, args...)
		require.ErrorContains(t, err, "--from", "%v", args)
	}
}
