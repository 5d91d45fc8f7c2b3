package outbox //nolint:testpackage // the rule is not exported

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEventsNameCanBePartOfASubject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"User.created", "a", "Line-item.line_added.v2"} {
		require.Regexp(t, eventName, name)
	}
	for _, name := range []string{
		"", "Note.", ".made", "Note..made", "Note made", "Note.*", "Note.>", "Nöte.made", "Note.made\n", strings.Repeat("x", 101),
	} {
		require.NotRegexp(t, eventName, name)
	}
}
