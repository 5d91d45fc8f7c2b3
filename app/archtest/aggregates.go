package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

// owner is a struct whose fields only some files change.
type owner struct {
	name    string
	home    string   // the file that declares it
	writers []string // patterns of files that may change its fields
	makers  []string // patterns of files that may make one with fields
}

// watch is the fields that are looked after.
type watch struct {
	structs map[*types.TypeName]*owner
	fields  map[*types.Var]*owner
	handles map[*types.Var]Handle
}

// aggregates checks that an aggregate's fields are assigned in its own file only, where its verbs are,
// and that handles are used where they may be.
func (c *checker) aggregates() {
	units := newResolver(c.rules, c.tree).all()
	w := c.watch(units)
	for _, u := range units {
		for _, f := range u.files {
			ast.Inspect(f.syntax, func(node ast.Node) bool {
				for _, target := range assigned(node) {
					c.checkTarget(w, u, f, target)
				}
				switch node := node.(type) {
				case *ast.CompositeLit:
					c.checkLiteral(w, u, f, node)
				case *ast.SelectorExpr:
					c.checkHandle(w, u, f, node)
				}
				return true
			})
		}
	}
}

// watch finds the root, everything that embeds it, and the handles.
func (c *checker) watch(units []*unit) *watch {
	w := &watch{structs: map[*types.TypeName]*owner{}, fields: map[*types.Var]*owner{}, handles: map[*types.Var]Handle{}}
	declared := declarations(units)
	root := &owner{name: strings.TrimPrefix(path.Ext(c.rules.Root), "."), writers: slices.Clone(c.rules.Savers)}
	for name, home := range declared {
		if shape, ok := name.Type().Underlying().(*types.Struct); ok {
			c.watchStruct(w, root, name, home, shape)
		}
	}
	return w
}

func (c *checker) watchStruct(w *watch, root *owner, name *types.TypeName, home string, shape *types.Struct) {
	full := path.Dir(home) + "." + name.Name()
	if full == c.rules.Root {
		root.home = home
		root.writers = append(root.writers, path.Join(path.Dir(home), "*.go"))
		root.makers = append(root.makers, root.writers...)
		w.add(name, shape, root)
	}
	for field := range shape.Fields() {
		if field.Embedded() && c.nameOf(field.Type()) == c.rules.Root {
			writers := []string{home}
			if strings.HasSuffix(home, testFile) { // an aggregate of the tests, which all of them may share
				writers = []string{path.Join(path.Dir(home), "*"+testFile)}
			}
			root.makers = append(root.makers, writers...)
			w.add(name, shape, &owner{name: name.Name(), home: home, writers: writers, makers: writers})
		}
		for _, handle := range c.rules.Handles {
			if full == handle.Folder+"."+handle.Type && field.Name() == handle.Field {
				w.handles[field] = handle
			}
		}
	}
}

// nameOf is the folder and the name of a type of the project.
func (c *checker) nameOf(t types.Type) string {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	folder, _ := c.rules.within(named.Obj().Pkg().Path())
	return folder + "." + named.Obj().Name()
}

func (w *watch) add(name *types.TypeName, shape *types.Struct, o *owner) {
	w.structs[name] = o
	for field := range shape.Fields() {
		w.fields[field] = o
	}
}

// declarations are all structs and the files that declare them. Other names of a struct are none.
func declarations(units []*unit) map[*types.TypeName]string {
	declared := map[*types.TypeName]string{}
	for _, u := range units {
		for _, f := range u.files {
			ast.Inspect(f.syntax, func(node ast.Node) bool {
				spec, ok := node.(*ast.TypeSpec)
				if !ok || spec.Assign.IsValid() {
					return true
				}
				_, shaped := spec.Type.(*ast.StructType)
				if name, ok := u.info.Defs[spec.Name].(*types.TypeName); ok && shaped {
					declared[name] = f.name
				}
				return true
			})
		}
	}
	return declared
}

// assigned are the expressions that a node gives a value, or hands out to be given one.
func assigned(node ast.Node) []ast.Expr {
	switch node := node.(type) {
	case *ast.AssignStmt:
		if node.Tok != token.DEFINE {
			return node.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{node.X}
	case *ast.RangeStmt:
		if node.Tok == token.ASSIGN {
			return []ast.Expr{node.Key, node.Value}
		}
	case *ast.UnaryExpr:
		if _, literal := node.X.(*ast.CompositeLit); node.Op == token.AND && !literal {
			return []ast.Expr{node.X}
		}
	}
	return nil
}

// checkTarget follows an assigned expression down to the struct that it changes.
func (c *checker) checkTarget(w *watch, u *unit, f *file, target ast.Expr) {
	for {
		switch expr := target.(type) {
		case *ast.ParenExpr:
			target = expr.X
		case *ast.IndexExpr:
			target = expr.X
		case *ast.StarExpr:
			c.checkWhole(w, u, f, expr)
			return
		case *ast.SelectorExpr:
			c.checkField(w, u, f, expr)
			target = expr.X
		default:
			return
		}
	}
}

func (c *checker) checkField(w *watch, u *unit, f *file, expr *ast.SelectorExpr) {
	selection, ok := u.info.Selections[expr]
	if !ok {
		return
	}
	field, ok := selection.Obj().(*types.Var)
	if !ok {
		return
	}
	if o := w.fields[field]; o != nil && !matches(o.writers, f.name) {
		c.reportf(f.name, c.tree.line(expr.Pos()), "%s.%s is assigned here; only the verbs in %s may", o.name, field.Name(), o.home)
	}
}

func (c *checker) checkWhole(w *watch, u *unit, f *file, expr *ast.StarExpr) {
	if o := w.ownerOf(u.info.Types[expr].Type); o != nil && !matches(o.writers, f.name) {
		c.reportf(f.name, c.tree.line(expr.Pos()), "a whole %s is assigned here; only the verbs in %s may", o.name, o.home)
	}
}

func (c *checker) checkLiteral(w *watch, u *unit, f *file, literal *ast.CompositeLit) {
	if o := w.ownerOf(u.info.Types[literal].Type); o != nil && len(literal.Elts) > 0 && !matches(o.makers, f.name) {
		c.reportf(f.name, c.tree.line(literal.Pos()), "a %s is made here with fields; only the verbs in %s may", o.name, o.home)
	}
}

func (w *watch) ownerOf(t types.Type) *owner {
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return w.structs[named.Origin().Obj()]
	}
	return nil
}

func (c *checker) checkHandle(w *watch, u *unit, f *file, expr *ast.SelectorExpr) {
	selection, ok := u.info.Selections[expr]
	if !ok {
		return
	}
	field, ok := selection.Obj().(*types.Var)
	if !ok {
		return
	}
	if h, ok := w.handles[field]; ok && matches(h.In, f.folder) && !matches(h.Files, f.name) {
		c.reportf(f.name, c.tree.line(expr.Pos()), "%s.%s may not be used here", h.Type, h.Field)
	}
}
