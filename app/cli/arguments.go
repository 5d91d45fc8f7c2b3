package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// takes checks the number of arguments against a usage line such as "SLUG [ID]": words in capitals are
// required, and those in brackets are not.
func takes(usage string) cobra.PositionalArgs {
	required, most := 0, 0
	for word := range strings.FieldsSeq(usage) {
		most++
		if !strings.HasPrefix(word, "[") {
			required++
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) >= required && len(args) <= most:
			return nil
		case most == 0:
			return usagef("%q takes no arguments, and got %q.", cmd.CommandPath(), args)
		default:
			return usagef("%q takes %s, and got %d arguments.", cmd.CommandPath(), usage, len(args))
		}
	}
}
