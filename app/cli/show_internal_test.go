package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/module"
)

// TestWhatATenantNamedMovesNoCursor shows names that hold the sequences of a terminal.
func TestWhatATenantNamedMovesNoCursor(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	r := &runner{Program: Program{Stdout: &shown}}
	require.NoError(t, r.show(module.Result{
		Columns: []string{"name"}, Rows: [][]string{{"\x1b[2Jx"}},
		Notes: []string{"waits for \x1b]0;owned\x07\u009b2Jx\nsecond line"}, Message: "done\x7f",
	}))
	require.Equal(t, "NAME\n [2Jx\nwaits for  ]0;owned  2Jx\nsecond line\ndone \n", shown.String())
}
