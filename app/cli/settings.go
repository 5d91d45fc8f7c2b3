package cli

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// requirement checks that the settings have what a command cannot do without.
type requirement func(settings config.Settings) error

// needsHome is the requirement of commands that only look into the registry.
func needsHome(settings config.Settings) error {
	if settings.DatabaseURL == "" {
		return fault.New(fault.Invalid, "settings", "TENANTRY_DATABASE_URL must be set.")
	}
	return nil
}

// needsOwners is the requirement of what changes schemas.
func needsOwners(settings config.Settings) error {
	if err := needsHome(settings); err != nil {
		return err
	}
	return settings.RequireOwner()
}

// settings returns the settings of a command. What its requirement misses is taken from the program
// that runs in the data folder.
func (r *runner) settings(need requirement) (config.Settings, error) {
	settings, err := config.Load(r.Environ)
	if err != nil {
		return config.Settings{}, err
	}
	missing := need(settings)
	if missing == nil {
		return settings, nil
	}
	running, err := readRuntimeFile(r.data)
	if err != nil {
		return config.Settings{}, err
	}
	if running == nil {
		if namesNothing(settings) {
			return config.Settings{}, nothingRuns(r.data)
		}
		return config.Settings{}, missing
	}
	settings = running.fill(settings)
	return settings, need(settings)
}

// namesNothing reports whether the environment names no server at all, so that the mistake is most
// likely that nothing was started.
func namesNothing(settings config.Settings) bool {
	return settings.DatabaseURL == "" && settings.OwnerDatabaseURL == "" && settings.NATSURL == "" && len(settings.Clusters) == 0
}

func nothingRuns(data string) error {
	return fault.New(fault.Unavailable, "nothing_runs",
		"No program runs in the data folder %s: start \"tenantry up\" there, name its folder with --data, "+
			"or set TENANTRY_DATABASE_URL and what else \"tenantry --help\" lists.", data)
}

// serverLog is the log of a command that runs for long.
func (r *runner) serverLog(settings config.Settings) *slog.Logger {
	return app.NewLog(r.Stderr, settings, isTerminal(r.Stderr))
}

// quietLog is the log of a command that does one thing: it is heard when something is wrong.
func (r *runner) quietLog(settings config.Settings) *slog.Logger {
	if settings.LogLevel == slog.LevelInfo {
		settings.LogLevel = slog.LevelError
	}
	return r.serverLog(settings)
}

func isTerminal(to io.Writer) bool {
	file, ok := to.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
