package workflowcheck_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/ci/workflowcheck"
)

func TestWorkflowsAreClean(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		problems, err := workflowcheck.Workflow(path, text)
		require.NoError(t, err)
		require.Empty(t, problems)
	}
}

func TestBrokenWorkflowsAreFound(t *testing.T) {
	t.Parallel()
	const job = "on: push\njobs:\n  check:\n    runs-on: "
	const start = job + "ubuntu-24.04\n    steps:\n"
	for _, test := range []struct{ name, text, problem string }{
		{"not YAML", "on: [push", "could not parse"},
		{"no step", start + "      - runs: bash .ci/run\n", "must run script"},
		{"unknown runner", job + "ubuntu-0\n    steps:\n      - run: ls\n", "unknown"},
		{"unknown context", start + "      - run: echo ${{ githb.ref }}\n", "undefined variable"},
		{"injection", start + "      - run: echo ${{ github.head_ref }}\n", "potentially untrusted"},
		{"unknown input", start + "      - uses: actions/setup-go@v6\n        with: {go: 1}\n", `input "go"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems, err := workflowcheck.Workflow("ci.yml", []byte(test.text))
			require.NoError(t, err)
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0], test.problem)
		})
	}
}
