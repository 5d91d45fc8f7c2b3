package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

func (r *runner) completion(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion (bash|zsh|fish|powershell)",
		Short: "Print the script that completes this program's commands in a shell",
		Example: "  source <(tenantry completion bash)\n" +
			"  tenantry completion fish > ~/.config/fish/completions/tenantry.fish",
		ValidArgs: shells,
		Args:      cobra.MatchAll(takes("SHELL"), cobra.OnlyValidArgs),
		RunE: r.run(func(_ *cobra.Command, args []string) error {
			scripts := map[string]func() error{
				"bash":       func() error { return root.GenBashCompletionV2(r.Stdout, true) },
				"zsh":        func() error { return root.GenZshCompletion(r.Stdout) },
				"fish":       func() error { return root.GenFishCompletion(r.Stdout, true) },
				"powershell": func() error { return root.GenPowerShellCompletionWithDesc(r.Stdout) },
			}
			if err := scripts[args[0]](); err != nil {
				return fmt.Errorf("print the completion for %s: %w", args[0], err)
			}
			return nil
		}),
	}
}

// completionTimeout is how long a person waits for slugs after the tabulator.
const completionTimeout = time.Second

// completeSlug completes the first argument with the slugs of tenants.
func (r *runner) completeSlug(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	return r.slugs(ctx, typed), cobra.ShellCompDirectiveNoFileComp
}

// slugs returns the tenants of the first page; without an answer there is nothing to complete.
func (r *runner) slugs(ctx context.Context, typed string) []string {
	settings, err := r.settings(needsHome)
	if err != nil {
		return nil
	}
	var found []string
	_ = r.withOpened(ctx, settings, slog.New(slog.DiscardHandler), func(a *app.App) error {
		page, _, err := a.Tenants().List(ctx, operator(), tenants.ListFilter{Limit: pageSize})
		for _, tenant := range page {
			if len(tenant.Slug) >= len(typed) && tenant.Slug[:len(typed)] == typed {
				found = append(found, tenant.Slug)
			}
		}
		return err
	})
	return found
}

// completeTenantFlag completes --tenant where a command has it.
func (r *runner) completeTenantFlag(cmd *cobra.Command) {
	if cmd.Flags().Lookup("tenant") == nil {
		return
	}
	complete := func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return r.completeSlug(cmd, nil, typed)
	}
	if err := cmd.RegisterFlagCompletionFunc("tenant", complete); err != nil {
		panic(err) // the flag is there
	}
}

func completeWords(cmd *cobra.Command, flag string, words ...string) {
	fixed := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // the flag is not declared: a defect that every test finds
	}
}
