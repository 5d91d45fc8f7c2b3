package app_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/apptest"
)

func TestAProcessIsHealthyWithoutItsDatabaseAndNotReady(t *testing.T) {
	t.Parallel()
	d := &door{}
	d.server, _ = app.NewHTTP(app.HTTPConfig{
		Clusters: awayClusters(t), Version: "1.2.3",
		Broker: func(context.Context) error { return errors.New("nats://user:hunter2@broker is away") },
	})
	response := d.do(t, http.MethodGet, "/healthz", "")
	require.Equal(t, http.StatusOK, response.Status)
	require.JSONEq(t, `{"status":"ok","version":"1.2.3"}`, string(response.Body))

	response = d.do(t, http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, response.Status)
	require.JSONEq(t, `{"status":"unready","database":"down","broker":"down","clusters":{"main":"down"}}`, string(response.Body))
}

func TestAProcessIsReadyWithoutItsBroker(t *testing.T) {
	t.Parallel()
	d := &door{}
	d.server, _ = app.NewHTTP(app.HTTPConfig{
		Clusters: apptest.Clusters(), Broker: func(context.Context) error { return errors.New("away") },
	})
	response := d.do(t, http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusOK, response.Status)
	require.JSONEq(t, `{"status":"ok","database":"up","broker":"down","clusters":{"main":"up"}}`, string(response.Body))
}
