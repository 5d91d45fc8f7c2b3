package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/module"
)

// addModuleCommand renders a module's command at its place in the tree.
func (r *runner) addModuleCommand(root *cobra.Command, command module.Command) {
	parent := root
	for _, word := range command.Path[:len(command.Path)-1] {
		parent = childNamed(parent, word, command)
	}
	parent.AddCommand(r.moduleCommand(command))
}

// groupShort begins what is said of a group.
const groupShort = "Its commands: "

// childNamed finds a group, or makes it. What a group is for shows in the list of its commands; a command
// that has others below it says for itself what it does.
func childNamed(parent *cobra.Command, name string, command module.Command) *cobra.Command {
	last := command.Path[len(command.Path)-1]
	for _, child := range parent.Commands() {
		if child.Name() == name {
			if strings.HasPrefix(child.Short, groupShort) {
				child.Short += ", " + last
			}
			return child
		}
	}
	made := group(name, groupShort+last, indent(command.Example))
	parent.AddCommand(made)
	return made
}

func (r *runner) moduleCommand(command module.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:     strings.TrimSpace(command.Path[len(command.Path)-1] + " " + command.Arguments),
		Short:   command.Short,
		Example: indent(command.Example),
		Args:    takes(command.Arguments),
		RunE: r.run(func(cmd *cobra.Command, args []string) error {
			call := module.Call{Args: args, Flags: cmd.Flags(), Actor: operator()}
			if command.Check != nil {
				if err := command.Check(call); err != nil {
					return err
				}
			}
			if command.Standalone {
				return r.showResult(command.Run(cmd.Context(), module.Env{}, call))
			}
			return r.withApp(cmd.Context(), needsHome, func(a *app.App) error {
				return r.showResult(command.Run(cmd.Context(), a.Env(), call))
			})
		}),
	}
	if command.Flags != nil {
		declared := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
		command.Flags(declared)
		cmd.Flags().AddFlagSet(declared)
	}
	r.completeTenantFlag(cmd)
	if strings.HasPrefix(strings.TrimPrefix(command.Arguments, "["), "SLUG") {
		cmd.ValidArgsFunction = r.completeSlug
	}
	return r.takesJSON(cmd)
}

func indent(example string) string {
	lines := strings.Split(strings.TrimSpace(example), "\n")
	for i, line := range lines {
		lines[i] = "  " + strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

func (r *runner) showResult(result module.Result, err error) error {
	if err != nil && len(result.Rows) == 0 {
		return err
	}
	err = errors.Join(r.show(result), err) // what was found before it failed is shown too
	if err == nil && result.Failed {
		return errReported
	}
	return err
}
