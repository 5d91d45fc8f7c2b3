package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// What stays on a pooled connection, and so leads the next tenant into this one's data.
const sticky = "a role or search_path is set for the session; use set local"

var (
	// session finds it in a string of the code.
	session = regexp.MustCompile(`(?i)\bset\s+(?:session\s+)?(?:role\s|authorization\b|search_path\s*=|search_path\s+to\b)` +
		`|\bset_config\s*\(\s*'(?:role|search_path)'` +
		`|^search_path$|[?&](?:options|search_path)=|-c\s*(?:search_path|role)\s*=`)
	// statement finds it at the beginning of a statement: a function has a path of its own, which is said
	// in the middle of one.
	statement = regexp.MustCompile(`(?i)(?:^|;)\s*set\s+(?:session\s+)?(?:role|authorization|search_path)\b` +
		`|\balter\s+(?:role|user|database)\b[^;]*\bset\s+(?:role|search_path)\b`)
	comment = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)`)
)

// statements checks what the SQL of the code says. Tests attack, and are not looked at.
func (c *checker) statements() {
	for _, f := range c.tree.files {
		if !f.test {
			c.checkStrings(f)
		}
	}
	for _, s := range c.tree.scripts {
		text := comment.ReplaceAllStringFunc(s.text, blank)
		for _, at := range statement.FindAllStringIndex(text, -1) {
			c.reportf(s.name, lineOf(text, at[1]), sticky)
		}
		c.checkStars(s.name, 1, text)
	}
}

func (c *checker) checkStrings(f *file) {
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true // the parser has refused it already
		}
		line := c.tree.line(literal.Pos())
		if session.MatchString(text) {
			c.reportf(f.name, line, sticky)
		}
		c.checkStars(f.name, line, text)
		return true
	})
}

var (
	// star finds all columns of what stands behind from, if it is said there.
	star = regexp.MustCompile(`(?i)\b(?:select|returning)\s+(?:distinct\s+|all\s+)?\*(?:\s+from\s+([\w.]+\(?))?`)
	// aliasStar finds all columns of what stands before the star.
	aliasStar = regexp.MustCompile(`(?i)[\s,](\w+)\.\*`)
	query     = regexp.MustCompile(`(?i)\b(?:select|returning)\s`)
)

// checkStars refuses to select all columns of a table: a tenant that is a migration ahead or behind has
// others. What the same statement names the columns of has no others.
func (c *checker) checkStars(file string, first int, text string) {
	if !query.MatchString(text) {
		return
	}
	for _, pattern := range []*regexp.Regexp{star, aliasStar} {
		for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
			source := ""
			if at[2] >= 0 {
				source = text[at[2]:at[3]]
			}
			if !namesColumns(text, source) {
				c.reportf(file, first+lineOf(text, at[0])-1, "all columns are selected; name them")
			}
		}
	}
}

var aliased = regexp.MustCompile(`(?i)\b(?:from|join)\s+([\w.]+\(?)\s+(?:as\s+)?(\w+)`)

// namesColumns reports whether the statement itself names the columns of a source: one that it makes
// with "with", also under another name, or what unnest makes of arrays.
func namesColumns(text, source string) bool {
	for _, found := range aliased.FindAllStringSubmatch(text, -1) {
		if strings.EqualFold(found[2], source) {
			source = found[1]
			break
		}
	}
	if source == "" || strings.EqualFold(source, "unnest(") {
		return source != ""
	}
	made := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(source) + `\s+as\s+(?:materialized\s+)?\(`)
	return made.MatchString(text)
}

// blank keeps the lines of what it blanks out.
func blank(text string) string { return strings.Repeat("\n", strings.Count(text, "\n")) }

func lineOf(text string, at int) int { return strings.Count(text[:at], "\n") + 1 }
