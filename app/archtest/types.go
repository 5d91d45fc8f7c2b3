package archtest

import (
	"errors"
	"go/ast"
	"go/types"
	"path"
	"strings"
)

// unit is the files of a folder that make one package, with what their expressions mean.
type unit struct {
	files []*file
	info  *types.Info
	types *types.Package
}

// testSuffix ends the names of packages that are tests beside a package.
const testSuffix = "_test"

// resolver finds the types of the project's own packages. Libraries are taken for empty: what is made of
// them alone has no type here, and no rule is about it.
type resolver struct {
	rules Rules
	tree  *tree
	units map[string]*unit
	open  map[string]bool
}

func newResolver(rules Rules, tree *tree) *resolver {
	return &resolver{rules: rules, tree: tree, units: map[string]*unit{}, open: map[string]bool{}}
}

var errCycle = errors.New("archtest: packages import each other")

// Import implements types.Importer.
func (r *resolver) Import(imported string) (*types.Package, error) {
	folder, ours := r.rules.within(imported)
	switch {
	case imported == "unsafe":
		return types.Unsafe, nil
	case !ours:
		empty := types.NewPackage(imported, path.Base(imported))
		empty.MarkComplete()
		return empty, nil
	case r.open[imported]:
		return nil, errCycle
	}
	r.open[imported] = true
	defer delete(r.open, imported)
	return r.unit(folder, false).types, nil
}

// all are the units of every folder: the packages, and the tests beside them.
func (r *resolver) all() []*unit {
	folders := r.tree.folders()
	all := make([]*unit, 0, 2*len(folders))
	for _, folder := range folders {
		all = append(all, r.unit(folder, false), r.unit(folder, true))
	}
	return all
}

// unit resolves the types in one unit, once. What cannot be resolved is left out.
func (r *resolver) unit(folder string, beside bool) *unit {
	name := path.Join(r.rules.Module, folder)
	if beside {
		name += testSuffix
	}
	if known, ok := r.units[name]; ok {
		return known
	}
	u := &unit{info: &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Defs:       map[*ast.Ident]types.Object{},
	}}
	var syntax []*ast.File
	for _, f := range r.tree.files {
		if f.folder == folder && strings.HasSuffix(f.syntax.Name.Name, testSuffix) == beside {
			u.files, syntax = append(u.files, f), append(syntax, f.syntax)
		}
	}
	config := types.Config{Importer: r, Error: func(error) {}, DisableUnusedImportCheck: true}
	// Libraries are missing, so there always is an error.
	u.types, _ = config.Check(name, r.tree.set, syntax, u.info)
	r.units[name] = u
	return u
}
