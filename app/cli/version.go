package cli

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app/module"
)

func (r *runner) version() *cobra.Command {
	return r.takesJSON(&cobra.Command{
		Use:     "version",
		Short:   "Say which program this is",
		Example: "  tenantry version\n  tenantry version --json",
		Args:    takes(""),
		RunE: r.run(func(*cobra.Command, []string) error {
			words := []string{"tenantry", r.Version}
			if r.Commit != "" {
				words = append(words, "commit", r.Commit)
			}
			words = append(words, runtime.Version(), fmt.Sprintf("%s/%s", runtime.GOOS, runtime.GOARCH))
			return r.show(module.Result{
				JSON: map[string]string{
					"version": r.Version, "commit": r.Commit, "go": runtime.Version(),
					"os": runtime.GOOS, "arch": runtime.GOARCH,
				},
				Message: strings.Join(words, " "),
			})
		}),
	})
}
