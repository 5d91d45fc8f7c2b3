package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// tree is the parsed files of a module.
type tree struct {
	set     *token.FileSet
	files   []*file
	scripts []script
}

// file is one Go file.
type file struct {
	name   string // relative to the module
	folder string
	test   bool
	syntax *ast.File
}

// script is one SQL file.
type script struct{ name, text string }

// readTree parses every file of the module at the root of a tree, whatever it is built for. Folders
// that the go command does not look into, and modules of their own, are left out.
func readTree(source fs.FS) (*tree, error) {
	t := &tree{set: token.NewFileSet()}
	err := fs.WalkDir(source, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skip(source, name)
		}
		return t.read(source, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}

// testFile ends the names of test files.
const testFile = "_test.go"

func skip(source fs.FS, folder string) error {
	if folder == "." {
		return nil
	}
	base := path.Base(folder)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(source, path.Join(folder, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *tree) read(source fs.FS, name string) error {
	ending := path.Ext(name)
	if ending != ".go" && ending != ".sql" {
		return nil
	}
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if ending == ".sql" {
		t.scripts = append(t.scripts, script{name: name, text: string(text)})
		return nil
	}
	syntax, err := parser.ParseFile(t.set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	t.files = append(t.files, &file{
		name: name, folder: path.Dir(name), test: strings.HasSuffix(name, testFile), syntax: syntax,
	})
	return nil
}

func (t *tree) line(place token.Pos) int { return t.set.Position(place).Line }

// folders are the folders with Go files.
func (t *tree) folders() []string {
	var all []string
	for _, f := range t.files {
		if !slices.Contains(all, f.folder) {
			all = append(all, f.folder)
		}
	}
	return all
}

// matches reports whether a name is one that any of the patterns means.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}
