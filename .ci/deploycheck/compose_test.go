package deploycheck_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/ci/deploycheck"
)

const composeFile = repository + "/deploy/compose.yaml"

// required finds the variables without which the compose file must not load.
var required = regexp.MustCompile(`\$\{(\w+):\?`)

// filled is .env.example with every empty value filled in.
func filled(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(repository + "/deploy/.env.example")
	require.NoError(t, err)
	var variables []string
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		if value == "" {
			value = "0123456789abcdef0123456789abcdef"
		}
		variables = append(variables, name+"="+value)
	}
	return variables
}

func project(t *testing.T) *types.Project {
	t.Helper()
	loaded, err := deploycheck.LoadCompose(t.Context(), composeFile, filled(t)...)
	require.NoError(t, err)
	return loaded
}

func TestComposeFileIsClean(t *testing.T) {
	t.Parallel()
	loaded := project(t)
	require.Empty(t, deploycheck.Compose(loaded))
	require.ElementsMatch(t, []string{"postgres", "nats", "migrate", "api", "worker"}, loaded.ServiceNames())
	require.Equal(t, types.ShellCommand{"worker", "--cluster", "main"}, loaded.Services["worker"].Command)
	for name, check := range map[string][]string{"api": {"health"}, "worker": {"health", "--worker"}} {
		want := append(types.HealthCheckTest{"CMD", "/tenantry"}, check...)
		require.Equal(t, want, loaded.Services[name].HealthCheck.Test, "the image has no shell")
	}
}

func TestComposeFileAsksForEverySecret(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(composeFile)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, match := range required.FindAllStringSubmatch(string(text), -1) {
		names[match[1]] = true
	}
	require.Len(t, names, 5)
	for name := range names {
		var others []string
		for _, variable := range filled(t) {
			if !strings.HasPrefix(variable, name+"=") {
				others = append(others, variable)
			}
		}
		require.Less(t, len(others), len(filled(t)), "%s is not in .env.example", name)
		_, err := deploycheck.LoadCompose(t.Context(), composeFile, others...)
		require.ErrorContains(t, err, name)
		_, err = deploycheck.LoadCompose(t.Context(), composeFile, append(others, name+"=")...)
		require.ErrorContains(t, err, name)
	}
}

func TestBrokenComposeFilesAreFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, from, to, problem string }{
		{"not YAML", "services:", "services: [", "yaml"},
		{"unknown key", "stop_grace_period", "stop_grace", "stop_grace"},
		{"unknown service", "migrate: {condition", "migrat: {condition", "migrat"},
		{"unknown condition", "service_healthy", "service_fine", "condition"},
		{"undefined volume", "- nats:/data", "- broker:/data", "broker"},
		{"no fixed tag", "postgres:17", "postgres", "no fixed tag"},
		{"the latest tag", "nats:2.15-alpine", "nats:latest", "no fixed tag"},
		{"a missing file", "./passwords.sh", "./passwords.sql", "does not exist"},
		{"no check to wait for", "healthcheck:", "x-check:", "has no check"},
		{"an end that never comes", "restart: on-failure", "restart: always", "started again"},
		{"no condition", "condition: service_healthy", "condition: service_started", "says nothing"},
		{"an open port", "127.0.0.1:8080:8080", "8080:8080", "open to the network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, strings.Join(problemsOf(t, test.from, test.to), "\n"), test.problem)
		})
	}
}

// problemsOf checks the compose file with one text replaced by another.
func problemsOf(t *testing.T, from, to string) []string {
	t.Helper()
	text, err := os.ReadFile(composeFile)
	require.NoError(t, err)
	require.True(t, bytes.Contains(text, []byte(from)), "the compose file has no %q", from)
	folder := filepath.Join(t.TempDir(), "deploy")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "../app/embedded"), 0o755))
	require.NoError(t, os.Mkdir(folder, 0o755))
	for _, name := range []string{"passwords.sh", "../app/embedded/bootstrap.sql"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	broken := filepath.Join(folder, "compose.yaml")
	require.NoError(t, os.WriteFile(broken, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o600))
	loaded, err := deploycheck.LoadCompose(t.Context(), broken, filled(t)...)
	if err != nil {
		return []string{err.Error()}
	}
	return deploycheck.Compose(loaded)
}
