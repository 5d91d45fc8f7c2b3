package migrations

import "strings"

// Target is the schema that a history is run in.
type Target struct {
	// Schema is the schema's name.
	Schema string
	// App is the application's login, which stands for {{app}} in the files.
	App string
	// Role is the tenant's role, which stands for {{role}}; empty for control and dispatch.
	Role string
	// Prepare is SQL that runs first, in the same transaction: it makes the schema where it is missing.
	// It must be able to run again.
	Prepare string
}

// fill puts the names into a script. They are quoted, so that no name can end what it stands in.
func (t Target) fill(script string) string {
	return strings.NewReplacer("{{app}}", quote(t.App), "{{role}}", quote(t.Role)).Replace(script)
}

func quote(identifier string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(identifier, "\x00", ""), `"`, `""`) + `"`
}

func quoteText(text string) string {
	return `'` + strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), `'`, `''`) + `'`
}
