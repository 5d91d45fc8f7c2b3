// Package workflowcheck checks the GitHub workflows. It is a module of its own because its linter needs
// another version of a YAML library than the compose loader does.
package workflowcheck

import (
	"fmt"
	"io"

	"github.com/rhysd/actionlint"
)

// Workflow returns what actionlint finds in a GitHub workflow.
func Workflow(path string, text []byte) ([]string, error) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		return nil, fmt.Errorf("start actionlint: %w", err)
	}
	found, err := linter.Lint(path, text, nil)
	if err != nil {
		return nil, fmt.Errorf("lint %s: %w", path, err)
	}
	problems := make([]string, len(found))
	for i, problem := range found {
		problems[i] = problem.Error()
	}
	return problems, nil
}
