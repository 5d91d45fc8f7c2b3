package archtest

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// Folder returns the rule of a folder.
func (r Rules) Folder(name string) (Folder, bool) {
	i := slices.IndexFunc(r.Folders, func(rule Folder) bool { return matches([]string{rule.Path}, name) })
	if i < 0 {
		return Folder{}, false
	}
	return r.Folders[i], true
}

// within returns the folder of the project that an import path names.
func (r Rules) within(imported string) (string, bool) {
	if imported == r.Module {
		return ".", true
	}
	return strings.CutPrefix(imported, r.Module+"/")
}

// imports checks what each folder imports of the project, and that every folder has a rule.
func (c *checker) imports() {
	for _, folder := range c.tree.folders() {
		if _, ok := c.rules.Folder(folder); !ok {
			c.reportf(folder, 0, "the folder has Go files and no rule; say in the table what it may import")
		}
	}
	for _, f := range c.tree.files {
		rule, ok := c.rules.Folder(f.folder)
		if !ok {
			continue
		}
		for _, spec := range f.syntax.Imports {
			c.checkImport(f, rule, spec)
		}
	}
}

func (c *checker) checkImport(f *file, rule Folder, spec *ast.ImportSpec) {
	imported, line := pathOf(spec), c.tree.line(spec.Pos())
	if target, ours := c.rules.within(imported); ours {
		allowed := target == f.folder || matches(rule.Imports, target) || f.test && matches(rule.Tests, target)
		if !allowed {
			c.reportf(f.name, line, "%s may not import %s", shown(f), target)
		}
		return
	}
	if rule.Libraries == nil || isStandard(imported) || begins(rule.Libraries, imported) {
		return
	}
	if f.test && begins(c.rules.TestLibraries, imported) {
		return
	}
	c.reportf(f.name, line, "%s may not import the library %s", shown(f), imported)
}

func shown(f *file) string {
	if f.test {
		return "a test of " + f.folder
	}
	return f.folder
}

// libraries checks where each library is imported.
func (c *checker) libraries() {
	for _, f := range c.tree.files {
		for _, spec := range f.syntax.Imports {
			imported := pathOf(spec)
			for _, rule := range c.rules.Libraries {
				if begins([]string{rule.Path}, imported) && !matches(rule.Files, f.name) {
					c.reportf(f.name, c.tree.line(spec.Pos()), "the library %s may not be imported here", imported)
				}
			}
		}
	}
}

// begins reports whether an import path is one of the paths, or below it.
func begins(paths []string, imported string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return imported == path || strings.HasPrefix(imported, strings.TrimSuffix(path, "/")+"/")
	})
}

// isStandard knows the standard library by its paths, which do not begin with a host's name.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func pathOf(spec *ast.ImportSpec) string {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser has refused it already
	}
	return imported
}
