package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/config"
)

// listSettings makes a command's help end with the settings.
func listSettings(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{"settings": "true"}
	return cmd
}

// helpWidth is where the meaning of a setting is wrapped.
const helpWidth = 92

// settingsText is the list of all settings, made of the same tags that they are read by.
func settingsText() string {
	var text strings.Builder
	text.WriteString("\nSettings (environment variables; flags win):\n")
	for _, variable := range config.Reference() {
		fmt.Fprintf(&text, "  %s", variable.Name)
		if variable.Default != "" {
			fmt.Fprintf(&text, " (%s)", variable.Default)
		}
		text.WriteString("\n")
		for _, line := range wrap(variable.Meaning, helpWidth) {
			fmt.Fprintf(&text, "      %s\n", line)
		}
	}
	return text.String()
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
