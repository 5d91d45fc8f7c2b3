package modules_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
)

// process is a further API process over the servers that all tests share.
type process struct {
	*app.App

	client *http.Client
}

// startAPI starts one with the settings that the change makes of the shared ones.
func startAPI(t *testing.T, change func(*config.Settings)) *process {
	t.Helper()
	settings := apptest.Settings()
	settings.Listen, settings.MetricsListen = "127.0.0.1:0", ""
	change(&settings)
	running, err := app.Start(t.Context(), app.Config{Settings: settings, Build: modules.Build, API: true})
	require.NoError(t, err)
	p := &process{App: running, client: &http.Client{Timeout: patience, Transport: &http.Transport{}}}
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, p.Stop(ctx))
	})
	return p
}

// get asks the process with a token, and returns the status and the text of the answer. Unlike apptest's
// client it may be used by any goroutine, and gives up with the context.
func (p *process) get(ctx context.Context, token, path string) (int, string, error) {
	got, err := send(ctx, p.client, http.MethodGet, p.URL()+path, token, "")
	return got.status, got.body, err
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	// began is when the request was sent.
	began time.Time
}
