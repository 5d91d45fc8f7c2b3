package deploycheck_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/ci/deploycheck"
)

// TestImage makes what the image would contain, in the way that the image is made, and asks the
// program itself whether it is what the Dockerfile and the compose file take it for.
func TestImage(t *testing.T) {
	t.Parallel()
	folder, out := t.TempDir(), t.TempDir()
	require.NoError(t, deploycheck.CopyContext(repository, folder))
	require.NoDirExists(t, filepath.Join(folder, ".git"))
	require.NoError(t, deploycheck.Build(t.Context(), dockerfile(t), folder, out,
		"TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH, "VERSION=1.2.3-check", "COMMIT=abcdef0"))
	program := filepath.Join(out, "tenantry")

	t.Run("is stamped", func(t *testing.T) {
		t.Parallel()
		said := run(t, program, nil, "version")
		require.Contains(t, said, "1.2.3-check")
		require.Contains(t, said, "abcdef0")
	})
	t.Run("needs no library of the system", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, run(t, "go", nil, "version", "-m", program), "CGO_ENABLED=0")
	})
	loaded := project(t)
	for _, name := range []string{"migrate", "api", "worker"} {
		t.Run("knows the command of "+name, func(t *testing.T) {
			t.Parallel()
			run(t, program, nil, append(slices.Clone(loaded.Services[name].Command), "--help")...)
		})
		t.Run("takes the settings of "+name, func(t *testing.T) {
			t.Parallel()
			run(t, settingsCheck(t, folder), deploycheck.Environment(loaded.Services[name]), name)
		})
	}
}

// settingsCheck builds a program that does with the settings what each service does at its start.
func settingsCheck(t *testing.T, folder string) string {
	t.Helper()
	source, err := os.ReadFile("testdata/settings.go.txt")
	require.NoError(t, err)
	place := filepath.Join(folder, filepath.FromSlash(t.Name()))
	require.NoError(t, os.MkdirAll(place, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(place, "main.go"), source, 0o600))
	built := filepath.Join(t.TempDir(), "settings")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", built, ".")
	build.Dir = place
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return built
}

func run(t *testing.T, program string, environment []string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	if environment != nil {
		command.Env = environment
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

func TestBrokenBuildsAreFound(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\nfunc main() {}\n"), 0o600))
	text := strings.ReplaceAll(string(dockerfile(t)), "-o /out/tenantry .", "-o /out/tenantry ./cmd")
	require.Error(t, deploycheck.Build(t.Context(), []byte(text), folder, t.TempDir()))
	for _, broken := range []string{"", "FROM scratch\n", "FORM scratch\n"} {
		require.Error(t, deploycheck.Build(t.Context(), []byte(broken), folder, t.TempDir()))
	}
}

func TestContextLeavesOutWhatIsIgnored(t *testing.T) {
	t.Parallel()
	source, copied := t.TempDir(), t.TempDir()
	require.Error(t, deploycheck.CopyContext(source, copied), "there is no .dockerignore")
	for name, text := range map[string]string{
		".dockerignore": "docs\n**/*_test.go\n", "docs/page.md": "", "a/a.go": "", "a/a_test.go": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(source, name), []byte(text), 0o600))
	}
	require.NoError(t, deploycheck.CopyContext(source, copied))
	require.FileExists(t, filepath.Join(copied, "a/a.go"))
	require.NoFileExists(t, filepath.Join(copied, "a/a_test.go"))
	require.NoDirExists(t, filepath.Join(copied, "docs"))
}
