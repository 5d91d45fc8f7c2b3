package config

import (
	"log/slog"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Prefix begins the name of every variable of this program.
const Prefix = "TENANTRY_"

// Load reads the settings from an environment, for example os.Environ(), and checks them. It reports
// all mistakes together as an *InvalidError; a variable that begins with TENANTRY_ and means nothing
// is a mistake too, because it is most likely a misspelled one.
func Load(environ []string) (Settings, error) {
	variables := ours(environ)
	var found mistakes
	settings := parse(variables, &found)
	settings.Clusters = clusters(variables, &found)
	reportUnknown(variables, &found)
	settings.check(&found)
	if err := found.err(); err != nil {
		return Settings{}, err
	}
	return settings, nil
}

// ours picks this program's variables; of a repeated one the last counts, as in a shell.
func ours(environ []string) map[string]string {
	variables := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, Prefix) && !fromKubernetes(name, value) {
			variables[name] = value
		}
	}
	return variables
}

// parse reads the values. The library's errors name the struct's field and quote the value, so they
// only say that something is wrong; what it is shows when each variable is read alone.
func parse(variables map[string]string, found *mistakes) Settings {
	var settings Settings
	if env.ParseWithOptions(&settings, env.Options{Environment: variables}) != nil {
		for _, f := range fields(&settings) {
			alone := map[string]string{f.variable: variables[f.variable]}
			var discarded Settings
			if env.ParseWithOptions(&discarded, env.Options{Environment: alone}) != nil {
				found.addf(f.variable, "must be %s", wanted(f))
			}
		}
	}
	// The library takes an empty value for an absent one, but here empty has a meaning.
	if value, set := variables["TENANTRY_METRICS_LISTEN"]; set && value == "" {
		settings.MetricsListen = ""
	}
	return settings
}

// wanted says which values a setting's type accepts.
func wanted(f field) string {
	switch f.value.Interface().(type) {
	case bool:
		return "true or false"
	case time.Duration:
		return `a duration such as "500ms", "30s" or "15m"`
	case slog.Level:
		return "debug, info, warn or error"
	default:
		return "a whole number"
	}
}
