package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/config"
)

func TestReferenceNamesAndExplainsEveryVariable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, variable := range config.Reference() {
		require.NotEmpty(t, variable.Meaning, variable.Name)
		require.True(t, strings.HasPrefix(variable.Name, config.Prefix), variable.Name)
		require.False(t, seen[variable.Name], "%s is listed twice", variable.Name)
		seen[variable.Name] = true
	}
	for _, name := range []string{
		"TENANTRY_DATABASE_URL", "TENANTRY_OWNER_DATABASE_URL", "TENANTRY_CLUSTER_<NAME>_URL",
		"TENANTRY_CLUSTER_<NAME>_OWNER_URL", "TENANTRY_METRICS_LISTEN", "TENANTRY_NATS_URL", "TENANTRY_LISTEN",
		"TENANTRY_JWT_SECRET", "TENANTRY_JWT_JWKS_URL", "TENANTRY_JWT_ISSUER", "TENANTRY_JWT_AUDIENCE",
		"TENANTRY_JWT_TENANT_CLAIM", "TENANTRY_JWT_ROLES_CLAIM", "TENANTRY_LOG_LEVEL", "TENANTRY_LOG_FORMAT",
	} {
		require.True(t, seen[name], name)
	}
}

func TestMaskedShowsTheRestOfAURL(t *testing.T) {
	t.Parallel()
	shown := map[string]string{}
	for _, setting := range full("pass-word").Masked() {
		shown[setting.Name] = setting.Value
	}
	require.Equal(t, "postgres://app:***@db:5432/app?sslmode=require&sslpassword=***", shown["TENANTRY_DATABASE_URL"])
	require.Equal(t, "***", shown["TENANTRY_NATS_URL"])
	require.Equal(t, "https://keys:***@issuer.example/keys?token=***", shown["TENANTRY_JWT_JWKS_URL"])
	require.Equal(t, "postgres://owner:***@eu/app", shown["TENANTRY_CLUSTER_EU_1_OWNER_URL"])
	require.Equal(t, "***", shown["TENANTRY_JWT_SECRET"])
	require.Equal(t, ":8080", shown["TENANTRY_LISTEN"])
}

func TestMaskedServers(t *testing.T) {
	t.Parallel()
	for written, shown := range map[string]string{
		"nats://a:4222, tls://b:4222":    "nats://a:4222,tls://b:4222",
		"nats://token@a:4222":            "nats://***@a:4222",
		"nats://worker:pw@a:4222":        "nats://worker:***@a:4222",
		"nats://u:a,nats://b@c,nats://d": "***",
		"nonsense":                       "***",
		"":                               "",
	} {
		for _, setting := range (config.Settings{NATSURL: written}).Masked() {
			if setting.Name == "TENANTRY_NATS_URL" {
				require.Equal(t, shown, setting.Value)
			}
		}
	}
}

func TestSecretShowsItselfToRevealOnly(t *testing.T) {
	t.Parallel()
	require.Empty(t, config.Secret("").String())
	require.Equal(t, secret, config.Secret(secret).Reveal())
	require.NotContains(t, everyWayToShow(t, config.Secret(secret)), secret)
	require.NotContains(t, everyWayToShow(t, struct{ Nested config.Secret }{secret}), secret)
}

// FuzzPasswordsAreNeverShown puts a marker into every place for a secret, correctly encoded and
// not, between arbitrary text, and searches everything that settings can print for it.
func FuzzPasswordsAreNeverShown(f *testing.F) {
	for _, around := range []string{
		"", "/", "12/", "12?x=", "12#", "@", "x@evil/", ":", "%", "%zz", "12,nats://", "\n", "'", "é", "[", "]",
	} {
		f.Add(around, around)
	}
	const marker = "MARKER9f3c"
	f.Fuzz(func(t *testing.T, before, after string) {
		password := before + marker + after
		for _, written := range []string{password, url.QueryEscape(password)} {
			settings := full(written)
			settings.NATSURL = "nats://worker:" + written + "@a:4222"
			require.NotContains(t, everyWayToShow(t, settings), marker)
			settings.NATSURL = "nats://" + written + "@a:4222,nats://worker:" + written + "@b:4222"
			require.NotContains(t, everyWayToShow(t, settings), marker)
			require.NotContains(t, fmt.Sprint(settings.Validate()), marker)
			_, err := config.Load([]string{
				"TENANTRY_DATABASE_URL=" + settings.DatabaseURL,
				"TENANTRY_CLUSTER_EU_1_URL=" + settings.Clusters["eu-1"].URL,
				"TENANTRY_NATS_URL=" + settings.NATSURL,
				"TENANTRY_JWT_SECRET=" + written,
				"TENANTRY_WORKER_SLOTS=" + written,
				"TENANTRY_WORKER_QUANTUM=" + written,
				"TENANTRY_LOG_LEVEL=" + written,
			})
			require.NotContains(t, fmt.Sprint(err), marker)
		}
	})
}

// full has the password wherever one fits.
func full(password string) config.Settings {
	return config.Settings{
		DatabaseURL:      "postgres://app:" + password + "@db:5432/app?sslmode=require&sslpassword=" + password,
		OwnerDatabaseURL: "postgres://owner:" + password + "@db/app",
		Clusters: map[string]config.Cluster{
			"eu-1": {
				URL:      "postgres://app:" + password + "@eu/app",
				OwnerURL: "postgres://owner:" + password + "@eu/app",
			},
		},
		NATSURL: "nats://a:" + password + "@a:4222,nats://b:" + password + "@b:4222",
		Listen:  ":8080",
		JWT: config.JWT{
			Secret:  config.Secret(password),
			JWKSURL: "https://keys:" + password + "@issuer.example/keys?token=" + password,
		},
	}
}

func everyWayToShow(t *testing.T, value any) string {
	t.Helper()
	var shown bytes.Buffer
	slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "value", value)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "value", value)
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	shown.Write(encoded)
	fmt.Fprintf(&shown, "%v %+v %#v %s %q", value, value, value, value, value)
	if settings, ok := value.(config.Settings); ok {
		fmt.Fprintf(&shown, "%v %v %#v", settings.Masked(), settings.Clusters, settings.Clusters)
	}
	return shown.String()
}
