package app_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
)

const readme = "README.md"

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(".."), name)
	require.NoError(t, err)
	return string(text)
}

// The table of settings is made of the tags that the settings are read by.
func TestTheReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range config.Reference() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", v.Name, v.Default, v.Meaning)
	}
	_, rest, found := strings.Cut(readDocument(t, readme), "<!-- settings: begin -->\n")
	require.True(t, found)
	got, _, found := strings.Cut(rest, "<!-- settings: end -->")
	require.True(t, found)
	require.Equal(t, want.String(), got, "put this between the markers in the README:\n%s", want.String())
}

// What the README tells people to run is what is run before a change is merged.
func TestTheReadmesTestCommandIsTheOneThatIsRun(t *testing.T) {
	t.Parallel()
	const command = "\ngo test ./... -race -shuffle=on\n"
	require.Contains(t, readDocument(t, readme), command)
	require.Contains(t, readDocument(t, ".ci/run"), command)
}

var command = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}`)

func TestTheReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	require.Zero(t, cli.Main(t.Context(), cli.Program{
		Args: []string{"tenantry", "--help"}, Stdout: &help, Stderr: &help, Commands: modules.Commands(),
	}))
	text := readDocument(t, readme)
	found := command.FindAllStringSubmatch(help.String(), -1)
	require.NotEmpty(t, found)
	for _, match := range found {
		if match[1] != "help" {
			require.Regexp(t, "(?m)^\\|.*`"+match[1]+"[` ].*\\|", text, "the table of commands")
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

func TestLinksInTheDocumentsLeadToFiles(t *testing.T) {
	t.Parallel()
	tree := os.DirFS("..")
	documents, err := fs.Glob(tree, "docs/*.md")
	require.NoError(t, err)
	decisions, err := fs.Glob(tree, "docs/decisions/*.md")
	require.NoError(t, err)
	for _, name := range append(append(documents, decisions...), readme, "CHANGELOG.md") {
		for _, found := range link.FindAllStringSubmatch(readDocument(t, name), -1) {
			target := path.Join(path.Dir(name), found[1])
			_, err := fs.Stat(tree, target)
			require.NoError(t, err, "a link in %s", name)
		}
	}
}

// Every decision is found in the list of decisions.
func TestDecisionsAreListed(t *testing.T) {
	t.Parallel()
	index := readDocument(t, "docs/decisions/README.md")
	records, err := fs.Glob(os.DirFS(".."), "docs/decisions/0*.md")
	require.NoError(t, err)
	require.NotEmpty(t, records)
	for _, record := range records {
		title, _, _ := strings.Cut(readDocument(t, record), "\n")
		_, title, _ = strings.Cut(strings.TrimPrefix(title, "# "), " ")
		require.Contains(t, index, fmt.Sprintf("(%s) | %s |", path.Base(record), title))
	}
}
