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
	running, err := app.Start(t.Context(), app.Config{Settings: settings, Build: build, API: true})
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

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	// began is when the request was sent.
	began time.Time
}
