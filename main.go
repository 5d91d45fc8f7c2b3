// Tenantry is the backend of a multi-tenant, event-driven service. Its command line joins the modules
// with the app.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/tenantry/tenantry/app/cli"
	"github.com/tenantry/tenantry/bench"
	"github.com/tenantry/tenantry/bench/chaos"
	"github.com/tenantry/tenantry/modules"
)

// Stamped by the build: -ldflags "-X main.version=… -X main.commit=…".
var version, commit string //nolint:gochecknoglobals // the linker can set nothing else

func main() { os.Exit(run()) }

// garbagePercent lets the heap grow to five times what lives in it before it is collected. What lives in
// it is a few megabytes of caches, while batches of events come and go: at Go's default a seventh of
// the process's time in a drain was collecting. GOGC, and GOMEMLIMIT for an upper end, have the last word.
const garbagePercent = 400

// run hands the process over to the command line. The first signal is the wish to stop; a second one
// ends the process at once.
func run() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if part, ok := chaos.ThisPart(); ok {
		return part.Run(ctx)
	}
	return cli.Main(ctx, program())
}

func program() cli.Program {
	shown, revision := stamp()
	return cli.Program{
		Args: os.Args, Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Build: modules.Build, Commands: slices.Concat(modules.Commands(), bench.Commands(), chaos.Commands()),
		Version: shown, Commit: revision,
	}
}

// stamp is what the build said, or else what Go itself wrote into the program.
func stamp() (shown, revision string) {
	shown, revision = version, commit
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && revision == "" {
			revision = setting.Value
		}
	}
	if shown == "" {
		shown = info.Main.Version
	}
	if shown == "" || shown == "(devel)" {
		shown = "dev"
	}
	return shown, revision
}
