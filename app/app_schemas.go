package app

import (
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// nameSchema names the schemas of the API's document. Modules do not know each other, so two of them
// may call their types the same: what is a module's own begins with the module's name.
func nameSchema(t reflect.Type, hint string) string {
	name, module := huma.DefaultSchemaNamer(t, hint), moduleOf(t)
	if module == "" || strings.HasPrefix(strings.ToLower(name), module) {
		return name
	}
	return strings.ToUpper(module[:1]) + module[1:] + name
}

// moduleOf returns the module whose type this is, or whose types an unnamed one is made of.
func moduleOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if strings.Contains(t.PkgPath(), "/modules/") {
		return path.Base(t.PkgPath())
	}
	if t.Kind() != reflect.Struct || t.Name() != "" {
		return ""
	}
	for field := range t.Fields() {
		if module := moduleOf(field.Type); module != "" {
			return module
		}
	}
	return ""
}
