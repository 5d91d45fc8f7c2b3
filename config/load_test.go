package config_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
)

const secret = "0123456789abcdef0123456789abcdef"

func TestLoadGivesTheDocumentedDefaults(t *testing.T) {
	t.Parallel()
	settings, err := config.Load([]string{"HOME=/home/somebody", "TENANTRY_LISTEN="})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", settings.Listen)
	require.Equal(t, "127.0.0.1:9090", settings.MetricsListen)
	require.Equal(t, slog.LevelInfo, settings.LogLevel)
	require.Empty(t, settings.LogFormat)
	require.Equal(t, "tenantry", settings.JWT.Issuer)
	require.Equal(t, "tenant", settings.JWT.TenantClaim)
	require.Equal(t, 30*time.Minute, settings.Stream.DuplicateWindow)
	require.Equal(t, 1, settings.Stream.Replicas)
	require.Equal(t, 8, settings.Worker.Slots)
	require.Equal(t, 5*time.Minute, settings.Worker.PinnedAfter)
	require.Equal(t, config.Retention{Messages: 7 * 24 * time.Hour, Inbox: 30 * 24 * time.Hour, Attempts: 30 * 24 * time.Hour}, settings.Retention)
	require.Empty(t, settings.DatabaseURL)
	require.Empty(t, settings.Clusters)
}

func TestLoadReadsEveryKindOfSetting(t *testing.T) {
	t.Parallel()
	settings, err := config.Load([]string{
		"TENANTRY_DATABASE_URL=postgres://first@db/app",
		"TENANTRY_DATABASE_URL=postgres://app:pw@db:5432/app?sslmode=require",
		"TENANTRY_OWNER_DATABASE_URL=postgresql:///app?host=/run/postgresql",
		"TENANTRY_NATS_URL=nats://a:4222, tls://b:4222",
		"TENANTRY_LISTEN=:0",
		"TENANTRY_METRICS_LISTEN=",
		"TENANTRY_JWT_SECRET=" + secret,
		"TENANTRY_LOG_LEVEL=DEBUG",
		"TENANTRY_LOG_FORMAT=text",
		"TENANTRY_STREAM_SYNC_ALWAYS=true",
		"TENANTRY_STREAM_MAX_BYTES=10737418240",
		"TENANTRY_WORKER_QUANTUM=5ms",
	})
	require.NoError(t, err)
	require.Equal(t, "postgres://app:pw@db:5432/app?sslmode=require", settings.DatabaseURL, "the last one counts")
	require.Equal(t, ":0", settings.Listen)
	require.Empty(t, settings.MetricsListen, "an empty value turns it off")
	require.Equal(t, secret, settings.JWT.Secret.Reveal())
	require.Equal(t, slog.LevelDebug, settings.LogLevel)
	require.True(t, settings.Stream.SyncAlways)
	require.Equal(t, int64(10<<30), settings.Stream.MaxBytes)
	require.Equal(t, 5*time.Millisecond, settings.Worker.Quantum)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ entry, variable, message string }{
		{"TENANTRY_DATABASE_URL=mysql://u@h/d", "", "postgres://"},
		{"TENANTRY_DATABASE_URL=host=localhost user=app", "", "postgres://"},
		{"TENANTRY_DATABASE_URL=postgres://", "", "postgres://"},
		{"TENANTRY_OWNER_DATABASE_URL=postgres://u:a/b@h/d", "", "percent-encoded"},
		{"TENANTRY_NATS_URL=localhost:4222", "", "nats://"},
		{"TENANTRY_NATS_URL=nats://a:4222,", "", "nats://"},
		{"TENANTRY_LISTEN=8080", "", "host:port"},
		{"TENANTRY_METRICS_LISTEN=:http", "", "host:port"},
		{"TENANTRY_LISTEN=:65536", "", "host:port"},
		{"TENANTRY_JWT_SECRET=too short", "", "32 bytes"},
		{"TENANTRY_JWT_JWKS_URL=http://issuer.example/keys", "", "https://"},
		{"TENANTRY_LOG_LEVEL=loud", "", "debug, info, warn or error"},
		{"TENANTRY_LOG_FORMAT=xml", "", "json or text"},
		{"TENANTRY_REQUEST_TIMEOUT=10", "", "a duration"},
		{"TENANTRY_DATABASE_POOL_SIZE=many", "", "a whole number"},
		{"TENANTRY_DATABASE_POOL_SIZE=0", "", "at least 1"},
		{"TENANTRY_STREAM_REPLICAS=6", "", "at most 5"},
		{"TENANTRY_STREAM_SYNC_ALWAYS=perhaps", "", "true or false"},
		{"TENANTRY_STREAM_DISCARD=none", "", "old or new"},
		{"TENANTRY_STREAM_MAX_AGE=1m", "TENANTRY_STREAM_DUPLICATE_WINDOW", "TENANTRY_STREAM_MAX_AGE"},
		{"TENANTRY_WORKER_LEASE_TTL=1ms", "", "at least 1s"},
		{"TENANTRY_RETENTION_MESSAGES=29m", "", "at least 30m"},
		{"TENANTRY_RETENTION_INBOX=1s", "", "TENANTRY_STREAM_DUPLICATE_WINDOW"},
		{"TENANTRY_RETENTION_INBOX=-1h", "", "at least 0s"},
		{"TENANTRY_RETENTION_ATTEMPTS=long", "", "a duration"},
		{"TENANTRY_WORKER_PINNED_AFTER=0s", "", "at least 1s"},
		{"TENANTRY_WORKER_RETRY_MIN=1h", "TENANTRY_WORKER_RETRY_MAX", "TENANTRY_WORKER_RETRY_MIN"},
	} {
		t.Run(test.entry, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load([]string{test.entry})
			list := mistakesOf(t, err)
			require.Len(t, list, 1)
			if test.variable != "" {
				require.Equal(t, test.variable, list[0].Variable)
			} else {
				require.Contains(t, test.entry, list[0].Variable+"=")
			}
			require.Contains(t, list[0].Message, test.message)
		})
	}
}

func TestLoadReportsAllMistakesTogether(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"TENANTRY_DATABASE_URL=nonsense",
		"TENANTRY_JWT_SECRET=short",
		"TENANTRY_WORKER_SLOTS=many",
		"TENANTRY_WORKER_QUANTUM=fast",
		"TENANTRY_CLUSTER_EU_1_URL=nonsense",
		"TENANTRY_LISTN=:8080",
	})
	list := mistakesOf(t, err)
	named := make([]string, len(list))
	for i, mistake := range list {
		named[i] = mistake.Variable
		require.Contains(t, err.Error(), mistake.Variable+" "+mistake.Message)
	}
	require.ElementsMatch(t, []string{
		"TENANTRY_DATABASE_URL", "TENANTRY_JWT_SECRET", "TENANTRY_WORKER_SLOTS",
		"TENANTRY_WORKER_QUANTUM", "TENANTRY_CLUSTER_EU_1_URL", "TENANTRY_LISTN",
	}, named)
}

func TestTwoKindsOfKeyAreAMistake(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"TENANTRY_JWT_SECRET=" + secret,
		"TENANTRY_JWT_JWKS_URL=https://issuer.example/keys",
	})
	require.Equal(t, "TENANTRY_JWT_JWKS_URL", mistakesOf(t, err)[0].Variable)
	_, err = config.Load([]string{"TENANTRY_JWT_JWKS_URL=http://127.0.0.1:9999/keys"})
	require.NoError(t, err, "plain HTTP to this machine is allowed")
}

func TestOneLoginForBothJobsIsAMistake(t *testing.T) {
	t.Parallel()
	_, err := config.Load([]string{
		"TENANTRY_DATABASE_URL=postgres://same@db/app",
		"TENANTRY_OWNER_DATABASE_URL=postgres://same@db/app",
		"TENANTRY_CLUSTER_EU_URL=postgres://app@eu/app",
		"TENANTRY_CLUSTER_EU_OWNER_URL=postgres://app@eu/app",
	})
	list := mistakesOf(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "TENANTRY_OWNER_DATABASE_URL", list[0].Variable)
	require.Equal(t, "TENANTRY_CLUSTER_EU_OWNER_URL", list[1].Variable)
}

func TestValidateChecksWhatFlagsChanged(t *testing.T) {
	t.Parallel()
	settings, err := config.Load(nil)
	require.NoError(t, err)
	require.NoError(t, settings.Validate())
	settings.Listen = "nowhere"
	settings.Worker.Slots = -1
	require.Len(t, mistakesOf(t, settings.Validate()), 2)
	require.Error(t, config.Settings{}.Validate(), "settings that were not loaded have no defaults")
}

func mistakesOf(t *testing.T, err error) []config.Mistake {
	t.Helper()
	var invalid *config.InvalidError
	require.ErrorAs(t, err, &invalid)
	return invalid.Mistakes
}
