package app_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/workers"
)

// body asks a listener of metrics and health, whatever the status is.
func body(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

func TestProcessWithoutARoleOpensWhatCommandsWorkWith(t *testing.T) {
	t.Parallel()
	opened, err := app.Start(t.Context(), app.Config{Settings: apptest.Settings(), Build: modules.Build})
	require.NoError(t, err)
	defer func() { require.NoError(t, opened.Stop(context.Background())) }()
	require.Empty(t, opened.URL())
	require.Empty(t, opened.MetricsURL())
	require.NotNil(t, opened.Env().Tenants)
	require.NotNil(t, opened.Env().JetStream)
}

func TestPortThatIsTakenEndsTheStartAndClosesWhatWasOpened(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // nobody connects
	settings := apptest.Settings()
	settings.Listen = taken.Addr().String()
	_, err = app.Start(t.Context(), app.Config{Settings: settings, Build: modules.Build, API: true})
	require.Equal(t, "listen_refused", fault.CodeOf(err))
	require.ErrorContains(t, err, "--listen")
}

// TestAWorkerAloneBuildsAllModules: it has no registry, so what modules get of it is nil.
func TestAWorkerAloneBuildsAllModules(t *testing.T) {
	t.Parallel()
	var got module.Env
	settings := apptest.Settings()
	settings.MetricsListen = ""
	worker, err := app.Start(t.Context(), app.Config{
		Settings: settings, WorkerClusters: []string{"main"},
		Build: func(env module.Env) (module.Set, error) {
			got = env
			return modules.Build(env)
		},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, worker.Stop(context.Background())) }()
	require.Nil(t, got.Clusters)
	require.Nil(t, got.Tenants)
	require.NotEmpty(t, worker.Set().Modules)
	require.NotEmpty(t, worker.Set().OnboardHooks())
	require.NotNil(t, worker.Set().Publisher)
}

func TestHandlersThatCannotWorkEndTheStart(t *testing.T) {
	t.Parallel()
	settings := apptest.Settings()
	_, err := app.Start(t.Context(), app.Config{
		Settings: settings, WorkerClusters: []string{"main"},
		Build: func(env module.Env) (module.Set, error) {
			set, err := modules.Build(env)
			set.Modules = append(set.Modules, module.Module{Name: "broken", Handlers: []workers.Handler{{Name: "nothing"}}})
			return set, err
		},
	})
	require.ErrorContains(t, err, "nothing")
}
