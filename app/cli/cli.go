// Package cli is the program's command line: one file for each command.
//
// Results go to stdout and all other talk to stderr, so that a result can be piped on. A command ends
// with 0 when it did what it was asked, with 1 when it failed, and with 2 when it was called wrongly.
package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app/module"
)

// Program is one run of the program: what it is made of, and where it was started.
type Program struct {
	// Args are the program's name and its arguments.
	Args []string
	// Environ is its environment, as os.Environ() has it.
	Environ []string
	// Stdin is read by commands that ask. Stdout gets results, Stderr everything else.
	Stdin io.Reader
	// Stdout gets results.
	Stdout io.Writer
	// Stderr gets logs, progress and errors.
	Stderr io.Writer
	// Build joins the modules.
	Build module.Build
	// Commands are the modules' own commands.
	Commands []module.Command
	// Version and Commit say which program this is.
	Version, Commit string
}

// runner is the state of one run.
type runner struct {
	Program

	// data is the data folder, whose program the commands talk to.
	data string
	// json prints values instead of tables.
	json bool
	// entered is set when a command begins its work: errors from before it are wrong usage.
	entered bool
}

// Main runs the command that the arguments name and returns the exit code. The end of the context is
// the wish to stop.
func Main(ctx context.Context, program Program) int {
	r := &runner{Program: program}
	root := r.root() //nolint:contextcheck // a command gets its context when it is executed
	root.SetArgs(program.Args[1:])
	root.SetIn(program.Stdin)
	root.SetOut(program.Stdout)
	root.SetErr(program.Stderr)
	called, err := root.ExecuteContextC(ctx)
	return r.exit(called, err)
}

// defaultData is the data folder where none is named.
const defaultData = ".tenantry"

func (r *runner) root() *cobra.Command {
	root := group("tenantry", "The backend of a multi-tenant, event-driven service",
		"  tenantry up\n  tenantry tenant list\n  tenantry token --tenant acme --user ada --role admin")
	root.Long = rootText
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpTemplate(root.HelpTemplate() + `{{if .Annotations.settings}}` + settingsText() + `{{end}}`)
	listSettings(root)
	root.PersistentFlags().StringVar(&r.data, "data", defaultData, "folder of embedded data; commands talk to the up that runs there")
	root.AddCommand(
		r.up(), r.serve(), r.worker(),
		r.migrate(), r.tenant(), r.token(),
		r.doctor(), r.health(), r.version(), r.completion(root),
	)
	for _, command := range r.Commands {
		r.addModuleCommand(root, command)
	}
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Example = "  tenantry help up"
	}
	return root
}

const rootText = `Tenantry is the backend of a multi-tenant, event-driven service.

Without any setting, "tenantry up" runs all of it in one process, with a PostgreSQL and a NATS
JetStream of its own, and every other command talks to that process.`

// group is a command that only holds others. Called alone, or with a word that is none of them, it is
// wrong usage.
func group(name, short, example string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return missingCommand(cmd) },
	}
}

// run wraps what a command does.
func (r *runner) run(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		r.entered = true
		return do(cmd, args)
	}
}

// takesJSON gives a command that prints a table the flag that prints its value instead.
func (r *runner) takesJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&r.json, "json", false, "print JSON instead of a table")
	return cmd
}
