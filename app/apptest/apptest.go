// Package apptest runs the program for tests: a real PostgreSQL, a real NATS JetStream, the API and
// the worker pool, all in the test's own process, once for all tests of a package.
//
// A package's tests begin with
//
//	func TestMain(m *testing.M) { os.Exit(apptest.Main(m, build)) }
//
// and each test has a tenant of its own, so that all of them run in parallel:
//
//	tenant := apptest.New(t)
//	tenant.Client(t, tenants.Admin).Post(t, "/v1/users", body).Require(t, http.StatusCreated)
//	tenant.Settle(t)
//	events := tenant.Published(t)
//
// Nothing is started before the first test asks for something.
package apptest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
)

// stopTimeout bounds the stop at the end of all tests.
const stopTimeout = 30 * time.Second

// process is what all tests of a package share.
var process *environment //nolint:gochecknoglobals // TestMain has no other way to its tests

// environment is the program, started by the first test that needs it.
type environment struct {
	build   module.Build
	changes []func(*config.Settings)
	once    sync.Once
	running *program
	err     error
}

// Main runs a package's tests over the program that the modules make. The changes are made to the
// settings before the start. It returns the exit code, which is not 0 when goroutines were left.
func Main(m *testing.M, build module.Build, changes ...func(*config.Settings)) int {
	process = &environment{build: build, changes: changes}
	code := m.Run()
	if err := process.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "apptest:", err)
		return max(code, 1)
	}
	if code != 0 {
		return code // what a failed test left behind is not the news
	}
	if err := goleak.Find(Unstoppable()...); err != nil {
		fmt.Fprintln(os.Stderr, "apptest:", err)
		return 1
	}
	return 0
}

// Unstoppable names the goroutines of libraries that nobody can end, or wait for.
func Unstoppable() []goleak.Option {
	return []goleak.Option{
		// It keeps the time of the Date header, from the first server on until the process ends.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// It looks every ten seconds for idle workers, and only then sees that its server was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	}
}

// current returns the running program, and starts it for the first who asks.
func current() *program {
	if process == nil {
		panic("apptest: TestMain must call apptest.Main")
	}
	p := process
	p.once.Do(func() { p.running, p.err = start(context.Background(), p.build, p.changes) })
	if p.err != nil {
		panic(fmt.Sprintf("apptest: the program did not start: %v", p.err))
	}
	return p.running
}

func (e *environment) stop() error {
	e.once.Do(func() {}) // nobody starts it any more
	if e.running == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return e.running.stop(ctx)
}
