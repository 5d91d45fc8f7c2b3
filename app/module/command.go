package module

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/tenantry/tenantry/tenants"
)

// Command is a command of the program that a module brings.
type Command struct {
	// Path is the words that call it, for example "outbox", "status".
	Path []string
	// Arguments is the rest of its usage line, for example "SLUG"; words in capitals are required.
	Arguments string
	// Short and Example are its help; Example is a line that works.
	Short, Example string
	// Flags declares its flags.
	Flags func(flags *pflag.FlagSet)
	// Check refuses a call that makes no sense, before anything is opened for it; nil when there is nothing
	// that the usage line does not say.
	Check func(call Call) error
	// Standalone commands work without the program that runs: Run gets an empty environment.
	Standalone bool
	// Run does it, over what the program opened for it.
	Run func(ctx context.Context, env Env, call Call) (Result, error)
}

// Call is what the user typed after the command's words.
type Call struct {
	// Args are the arguments.
	Args []string
	// Flags are the flags that Command.Flags declared.
	Flags *pflag.FlagSet
	// Actor is the operator at the terminal, for example with the user id "cli:alice".
	Actor tenants.Actor
}

// Result is what a command has to show: a table for people, a value for --json.
type Result struct {
	// JSON is printed with --json.
	JSON any
	// Columns and Rows are the table.
	Columns []string
	// Rows hold a cell for each column.
	Rows [][]string
	// Message is printed instead of a table.
	Message string
	// Notes are printed below the table.
	Notes []string
	// Failed means that what is shown is a failure: the command ends with 1.
	Failed bool
}
