package config

import (
	"fmt"
)

// Variable describes one environment variable.
type Variable struct {
	// Name is the variable, for example TENANTRY_LISTEN.
	Name string
	// Default is the value when it is not set, or in words where that depends.
	Default string
	// Meaning says what it does.
	Meaning string
}

// Setting is a variable with its current value, fit to be shown to anybody.
type Setting struct {
	Variable

	// Value is the current value, with secrets and the passwords of URLs masked.
	Value string
}

// Reference lists every variable in a fixed order. --help and the README's table are made of it.
func Reference() []Variable {
	var list []Variable
	for _, f := range fields(&Settings{}) {
		if f.variable != "" {
			list = append(list, f.describe())
			continue
		}
		list = append(list,
			Variable{Name: clusterPrefix + "<NAME>" + urlSuffix, Meaning: f.tag.Get("meaning")},
			Variable{Name: clusterPrefix + "<NAME>" + ownerSuffix, Meaning: "the same as the owner's login"})
	}
	return list
}

// Masked lists the settings with their values in the order of Reference, with secrets and the
// passwords of URLs masked; each further cluster has two lines of its own.
func (s Settings) Masked() []Setting {
	var list []Setting
	for _, f := range fields(&s) {
		if f.variable == "" {
			list = append(list, s.maskedClusters(f.tag.Get("meaning"))...)
			continue
		}
		list = append(list, Setting{Variable: f.describe(), Value: f.masked()})
	}
	return list
}

func (s Settings) maskedClusters(meaning string) []Setting {
	names := s.ClusterNames()[1:]
	list := make([]Setting, 0, 2*len(names))
	for _, name := range names {
		list = append(list, Setting{
			Variable: Variable{Name: clusterVariableOf(name, false), Meaning: meaning},
			Value:    maskDatabaseURL(s.Clusters[name].URL),
		}, Setting{
			Variable: Variable{Name: clusterVariableOf(name, true), Meaning: "the same as the owner's login"},
			Value:    maskDatabaseURL(s.Clusters[name].OwnerURL),
		})
	}
	return list
}

func (f field) describe() Variable {
	shown := f.tag.Get("envDefault")
	if words, ok := f.tag.Lookup("shown"); ok {
		shown = words
	}
	return Variable{Name: f.variable, Default: shown, Meaning: f.tag.Get("meaning")}
}

func (f field) masked() string {
	switch f.tag.Get("format") {
	case "postgres":
		return maskDatabaseURL(f.value.String())
	case "nats":
		return maskNATSURLs(f.value.String())
	case "https":
		return maskKeySetURL(f.value.String())
	default:
		return fmt.Sprint(f.value.Interface())
	}
}
