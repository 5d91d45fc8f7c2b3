package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a call that the program does not understand.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errReported means that the command has failed, and has shown why.
var errReported = errors.New("cli: the failure was shown")

func unknownCommand(cmd *cobra.Command, word string) error {
	text := fmt.Sprintf("%q is no command of %q.", word, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		text += fmt.Sprintf(" Did you mean %q?", near[0])
	}
	return &usageError{text}
}

func missingCommand(cmd *cobra.Command) error {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return usagef("%q needs one of its commands: %s.", cmd.CommandPath(), strings.Join(names, ", "))
}

// exit shows an error and chooses the exit code.
func (r *runner) exit(called *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	}
	r.writeError(err)
	if !r.wrongUsage(err) {
		return exitFailed
	}
	_, settings := errors.AsType[*config.InvalidError](err)
	if called != nil && !settings {
		fmt.Fprintf(r.Stderr, "See %q.\n", called.CommandPath()+" --help")
	}
	return exitUsage
}

// wrongUsage tells a wrong call from a failure. Whatever goes wrong before a command has begun comes
// from reading the call.
func (r *runner) wrongUsage(err error) bool {
	_, usage := errors.AsType[*usageError](err)
	_, settings := errors.AsType[*config.InvalidError](err)
	kind := fault.KindOf(err)
	return usage || settings || !r.entered || kind == fault.Malformed || kind == fault.Invalid
}

// writeError shows what a person can do something about as it is. The rest is a defect or a surprise:
// whoever runs this command may see its text, but no password in it.
func (r *runner) writeError(err error) {
	_, settings := errors.AsType[*config.InvalidError](err)
	_, usage := errors.AsType[*usageError](err)
	known, isFault := errors.AsType[*fault.Error](err)
	switch {
	case settings, usage, !r.entered:
		fmt.Fprintln(r.Stderr, err)
	case isFault:
		fmt.Fprintln(r.Stderr, known.Message)
		for _, field := range known.Fields {
			fmt.Fprintf(r.Stderr, "  %s %s\n", field.Name, field.Message)
		}
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(r.Stderr, "Interrupted.")
	default:
		fmt.Fprintln(r.Stderr, "internal error:", mask(err.Error()))
	}
}

// credentials are the user part of a URL, of which a broker's may be a token, and a password in
// PostgreSQL's other way to write an address.
var credentials = regexp.MustCompile(`(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@|\bpassword=('[^']*'|\S+)`)

func mask(text string) string {
	return credentials.ReplaceAllStringFunc(text, func(found string) string {
		if scheme, _, isURL := strings.Cut(found, "://"); isURL {
			return scheme + "://***@"
		}
		return "password=***"
	})
}
