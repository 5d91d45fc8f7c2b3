package deploycheck_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/ci/deploycheck"
)

const repository = "../.."

func dockerfile(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(repository + "/Dockerfile")
	require.NoError(t, err)
	return text
}

func TestDockerfileIsClean(t *testing.T) {
	t.Parallel()
	require.Empty(t, deploycheck.Dockerfile(t.Context(), dockerfile(t)))
}

func TestBrokenDockerfilesAreFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, from, to, problem string }{
		{"unknown instruction", "EXPOSE", "EXPOSED", "unknown instruction"},
		{"unknown flag", "--mount=type=cache", "--mout=type=cache", "unknown flag"},
		{"unknown variable", "/out/tenantry /tenantry", "$OUT/tenantry /tenantry", "UndefinedVar"},
		{"unknown stage", "--from=build", "--from=biuld", "does not exist: biuld"},
		{"secret in the image", "ARG VERSION=dev", "ARG API_TOKEN=x", "SecretsUsedInArgOrEnv"},
		{"a shell around the program", `["/tenantry"]`, "/tenantry", "JSONArgsRecommended"},
		{"inconsistent case", " AS build", " as build", "FromAsCasing"},
		{"root", "USER 65532:65532", "USER 0", "not root"},
		{"a user by name", "USER 65532:65532", "USER nonroot", "not root"},
		{"no user", "USER 65532:65532", "", "not root"},
		{"a relative program", `["/tenantry"]`, `["tenantry"]`, "full path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := string(dockerfile(t))
			require.Contains(t, text, test.from)
			broken := strings.ReplaceAll(text, test.from, test.to)
			problems := deploycheck.Dockerfile(t.Context(), []byte(broken))
			require.Contains(t, strings.Join(problems, "\n"), test.problem)
		})
	}
}
