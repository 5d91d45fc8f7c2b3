package config

import "reflect"

// field is one setting as its tags describe it, with its current value.
type field struct {
	variable string
	tag      reflect.StructTag
	value    reflect.Value
}

// fields lists the settings of s in their order; the clusters come at their place as one field whose
// variable is empty.
func fields(s *Settings) []field {
	return fieldsOf(reflect.ValueOf(s).Elem(), "")
}

func fieldsOf(parent reflect.Value, prefix string) []field {
	var list []field
	for i := range parent.NumField() {
		described := parent.Type().Field(i)
		value := parent.Field(i)
		name := described.Tag.Get("env")
		switch {
		case described.Tag.Get("envPrefix") != "":
			list = append(list, fieldsOf(value, described.Tag.Get("envPrefix"))...)
		case name == "-":
			list = append(list, field{tag: described.Tag, value: value})
		default:
			list = append(list, field{variable: prefix + name, tag: described.Tag, value: value})
		}
	}
	return list
}
