package config

import (
	"fmt"
	"strings"
)

// Mistake is one setting that is wrong, and what would be right. It never quotes the value, because
// a value in the wrong place may be a secret.
type Mistake struct {
	// Variable is the name of the environment variable.
	Variable string
	// Message says what would be right; it continues the sentence that the variable's name begins.
	Message string
}

// InvalidError reports all mistakes in the settings at once.
type InvalidError struct {
	// Mistakes has at most one entry per variable.
	Mistakes []Mistake
}

// Error lists the mistakes, one per line.
func (e *InvalidError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d of the settings must change:", len(e.Mistakes))
	for _, mistake := range e.Mistakes {
		fmt.Fprintf(&text, "\n  %s %s", mistake.Variable, mistake.Message)
	}
	return text.String()
}

// mistakes collects what is wrong. A variable is named once: a value that could not be read would
// otherwise be reported again by every check that follows.
type mistakes struct {
	list  []Mistake
	named map[string]bool
}

func (m *mistakes) addf(variable, format string, args ...any) {
	if m.named[variable] {
		return
	}
	if m.named == nil {
		m.named = map[string]bool{}
	}
	m.named[variable] = true
	m.list = append(m.list, Mistake{Variable: variable, Message: fmt.Sprintf(format, args...)})
}

func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	return &InvalidError{Mistakes: m.list}
}
