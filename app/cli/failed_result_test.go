package cli_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/app/module"
)

// TestAResultThatIsAFailureIsShownAndEndsWith1: also below a command that does something itself.
func TestAResultThatIsAFailureIsShownAndEndsWith1(t *testing.T) {
	t.Parallel()
	answer := func(message string, failed bool) func(context.Context, module.Env, module.Call) (module.Result, error) {
		return func(context.Context, module.Env, module.Call) (module.Result, error) {
			return module.Result{Message: message, Failed: failed}, nil
		}
	}
	program := newProgram(nil)
	program.Commands = []module.Command{
		{Path: []string{"try"}, Short: "Try", Example: "tenantry try", Standalone: true, Run: answer("fine", false)},
		{Path: []string{"try", "hard"}, Short: "Try hard", Example: "tenantry try hard", Standalone: true, Run: answer("broken", true)},
	}
	run := func(args ...string) outcome {
		var stdout, stderr bytes.Buffer
		program.Args, program.Stdout, program.Stderr = append([]string{"tenantry"}, args...), &stdout, &stderr
		code := cli.Main(t.Context(), program)
		return outcome{code, stdout.String(), stderr.String()}
	}
	require.Equal(t, outcome{0, "fine\n", ""}, run("try"))
	require.Equal(t, outcome{1, "broken\n", ""}, run("try", "hard"))
	require.Regexp(t, `(?m)^  try +Try$`, run("--help").stdout)
}
