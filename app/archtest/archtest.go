// Package archtest checks the rules of the house: who may import whom, where a library may be used,
// who changes an aggregate, and what no SQL may say.
//
// It reads the files themselves, with their tests and for every operating system, and asks no build
// tool. A tree is any fs.FS, so that a violation can be planted in memory and be seen to be caught.
package archtest

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
)

// Rules are what a tree is checked against. Folders are named relative to the module; "." is its root,
// and patterns are those of path.Match.
type Rules struct {
	// Module is the module's path.
	Module string
	// Folders says for each folder what of the project it may import. The first that matches counts.
	Folders []Folder
	// Libraries says where a library may be imported. One that is not listed may be imported wherever a
	// folder does not forbid it.
	Libraries []Library
	// TestLibraries may be imported by every test.
	TestLibraries []string
	// Root is the folder of the type that every aggregate embeds.
	Root string
	// Savers are the files, beside the aggregates' own, that may change what the root holds.
	Savers []string
	// Handles are fields through which the database is reached, for example "tenants.Tx.DB".
	Handles []Handle
}

// Folder is the rule of one folder.
type Folder struct {
	// Path is the folder, or a pattern of folders.
	Path string
	// Imports are the folders of the project that it may import.
	Imports []string
	// Tests are those that its tests may import as well.
	Tests []string
	// Libraries, unless nil, are the only ones that it may import; beside them is the standard library.
	Libraries []string
}

// Library is the rule of one library.
type Library struct {
	// Path begins the import paths that are meant.
	Path string
	// Files are patterns of the files that may import it.
	Files []string
}

// Handle is a field that only some files of some folders may use.
type Handle struct {
	// Folder, Type and Field name the field.
	Folder, Type, Field string
	// In are patterns of the folders that the rule is for.
	In []string
	// Files are patterns of the files there that may use it.
	Files []string
}

// Violation is one place where a rule is broken.
type Violation struct {
	// File and Line say where; Line is 0 when it is about a folder.
	File string
	Line int
	// Text says what is wrong.
	Text string
}

// String is the place and what is wrong there.
func (v Violation) String() string {
	if v.Line == 0 {
		return v.File + ": " + v.Text
	}
	return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.Text)
}

// Check returns every violation in a tree, in the order of files and lines.
func Check(source fs.FS, rules Rules) ([]Violation, error) {
	tree, err := readTree(source)
	if err != nil {
		return nil, err
	}
	c := &checker{rules: rules, tree: tree}
	c.imports()
	c.libraries()
	c.aggregates()
	c.statements()
	slices.SortFunc(c.found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(c.found), nil
}

// Unused returns the rules of folders that no folder of the tree needs, so that none outlives its folder.
func Unused(source fs.FS, rules Rules) ([]string, error) {
	tree, err := readTree(source)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, folder := range tree.folders() {
		if rule, ok := rules.Folder(folder); ok {
			used[rule.Path] = true
		}
	}
	var unused []string
	for _, rule := range rules.Folders {
		if !used[rule.Path] {
			unused = append(unused, rule.Path)
		}
	}
	return unused, nil
}

// checker gathers what is wrong with a tree.
type checker struct {
	rules Rules
	tree  *tree
	found []Violation
}

func (c *checker) reportf(file string, line int, format string, args ...any) {
	c.found = append(c.found, Violation{File: file, Line: line, Text: fmt.Sprintf(format, args...)})
}
