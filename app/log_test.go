package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

func TestLogOfARequestCarriesItsID(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	log := app.NewLog(&written, config.Settings{}, false).With("part", "x").WithGroup("")
	ctx := tenants.WithRequestID(t.Context(), "req-7")
	log.InfoContext(ctx, "one")
	log.InfoContext(ctx, "two", "request_id", "its own")
	log.InfoContext(t.Context(), "three")
	var ids []any
	for decoder := json.NewDecoder(&written); decoder.More(); {
		var line map[string]any
		require.NoError(t, decoder.Decode(&line))
		require.Equal(t, "x", line["part"])
		ids = append(ids, line["request_id"])
	}
	require.Equal(t, []any{"req-7", "its own", nil}, ids)
}

func TestLogFormatFollowsTheSettingsAndElseTheTerminal(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		format   string
		terminal bool
		text     bool
	}{{"", false, false}, {"", true, true}, {"json", true, false}, {"text", false, true}} {
		var written bytes.Buffer
		app.NewLog(&written, config.Settings{LogFormat: row.format, LogLevel: slog.LevelInfo}, row.terminal).Info("hello")
		require.Equal(t, row.text, !json.Valid(written.Bytes()), "%+v: %s", row, written.String())
	}
}
