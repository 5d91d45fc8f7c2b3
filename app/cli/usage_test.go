package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
)

func TestWrongUsageEndsWith2(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nothing"},
		{},
		{"--nothing"},
		{"tenant"},
		{"tenant", "nothing"},
		{"tenant", "list", "surplus"},
		{"tenant", "list", "--nothing"},
		{"tenant", "show"},
		{"tenant", "show", "acme", "surplus"},
		{"tenant", "create", "acme"},
		{"migrate", "up", "--parallel", "many"},
		{"migrate", "up", "--parallel", "0"},
		{"migrate", "up", "--tenant", "a", "--cluster", "b"},
		{"worker"},
		{"token"},
		{"token", "--tenant", "acme", "--user", "ada", "--role", "emperor"},
		{"token", "--tenant", "acme", "--operator"},
		{"token", "--operator", "--ttl", "-1h"},
		{"completion", "tcsh"},
		{"completion"},
		{"outbox"},
		{"outbox", "pause"},
		{"up", "--listen", "nowhere"},
		{"up", "surplus"},
		{"version", "surplus"},
	} {
		got := call(t, nil, args...)
		require.Equal(t, 2, got.code, "%v: %s", args, got.stderr)
		require.Empty(t, got.stdout, "%v", args)
		require.NotContains(t, got.stderr, "internal error", "%v", args)
		require.NotEmpty(t, strings.TrimSpace(got.stderr), "%v", args)
	}
}

func TestMisspelledCommandIsSuggested(t *testing.T) {
	t.Parallel()
	require.Contains(t, call(t, nil, "tenat").stderr, `Did you mean "tenant"?`)
	require.Contains(t, call(t, nil, "tenant", "lst").stderr, `Did you mean "list"?`)
}

func TestAllMistakesInTheSettingsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-is-a-secret"
	for _, command := range []string{"up", "serve", "doctor"} {
		got := call(t, []string{
			"TENANTRY_LISTEN=nowhere", "TENANTRY_LOG_LEVEL=loud", "TENANTRY_JWT_SECRET=" + secret,
			"TENANTRY_DATABSE_URL=postgres://app:" + secret + "@db/x",
		}, command, "--data", t.TempDir())
		require.Equal(t, 2, got.code)
		require.Empty(t, got.stdout)
		for _, variable := range []string{"TENANTRY_LISTEN", "TENANTRY_LOG_LEVEL", "TENANTRY_JWT_SECRET", "TENANTRY_DATABSE_URL"} {
			require.Contains(t, got.stderr, variable)
		}
		require.NotContains(t, got.stderr, secret)
	}
}

func TestWithoutAProgramCommandsSaySoInOneSentence(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, args := range [][]string{
		{"tenant", "list"},
		{"migrate", "up"},
		{"serve"},
		{"worker", "--cluster", "main"},
		{"doctor"},
		{"token", "--operator"},
		{"outbox", "status"},
	} {
		got := call(t, nil, append(args, "--data", data)...)
		require.Equal(t, 1, got.code, "%v", args)
		require.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		require.Contains(t, got.stderr, "No program runs in the data folder "+data)
	}
}

func TestDatabaseThatIsAwayIsToldWithoutItsPassword(t *testing.T) {
	t.Parallel()
	got := call(t, []string{"TENANTRY_DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/x?sslmode=disable"}, "tenant", "list")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "The database is away")
	require.NotContains(t, got.stderr, "hunter2")
}

func TestSettingsThatMissSomethingAreToldByName(t *testing.T) {
	t.Parallel()
	got := call(t, []string{"TENANTRY_DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/x"}, "serve", "--data", t.TempDir())
	require.Equal(t, 2, got.code)
	require.Contains(t, got.stderr, "TENANTRY_NATS_URL must be set")
	require.Contains(t, got.stderr, "TENANTRY_JWT_SECRET")
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	for _, path := range commandPaths(t, nil) {
		got := call(t, nil, append(path, "--help")...)
		require.Zero(t, got.code, "%v: %s", path, got.stderr)
		require.Contains(t, got.stdout, "Examples:\n  ", "%v", path)
		require.Contains(t, got.stdout, "tenantry "+strings.Join(path, " "), "%v", path)
	}
}

// commandPaths walks the tree of commands by reading the help, as a person does.
func commandPaths(t *testing.T, at []string) [][]string {
	t.Helper()
	help := mustCall(t, append(at, "--help")...)
	_, list, ok := strings.Cut(help, "Available Commands:\n")
	all := [][]string{at}
	if !ok {
		return all
	}
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.SplitSeq(list, "\n") {
		name := strings.Fields(line)[0]
		all = append(all, commandPaths(t, append(append([]string{}, at...), name))...)
	}
	return all
}

func TestTheContractsCommandsAreThere(t *testing.T) {
	t.Parallel()
	var found []string
	for _, path := range commandPaths(t, nil) {
		found = append(found, strings.Join(path, " "))
	}
	require.Subset(t, found, []string{
		"up", "serve", "worker", "migrate up", "migrate status", "tenant create", "tenant list", "tenant show",
		"tenant suspend", "tenant resume", "tenant offboard", "token", "doctor", "version", "completion",
		"outbox status", "outbox failed", "outbox replay", "outbox skip", "outbox republish", "outbox pause", "outbox resume",
	})
}

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"up", "--help"}, {"serve", "--help"}, {"worker", "--help"}} {
		help := mustCall(t, args...)
		for _, variable := range config.Reference() {
			require.Contains(t, help, variable.Name)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^tenantry v1\.2\.3 commit abcdef go1\.\S+ \S+/\S+\n$`, mustCall(t, "version"))
	require.Contains(t, mustCall(t, "version", "--json"), `"version": "v1.2.3"`)
}

func TestDoctorPrintsWhatASuperuserRunsOnce(t *testing.T) {
	t.Parallel()
	require.Equal(t, embedded.BootstrapSQL(), mustCall(t, "doctor", "--bootstrap-sql", "--data", t.TempDir()))
	require.Equal(t, 2, call(t, nil, "doctor", "--bootstrap-sql", "--json").code)
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, mustCall(t, "completion", shell), "tenantry", shell)
	}
	require.Contains(t, mustCall(t, "__complete", "token", "--role", ""), "auditor\n")
	require.Contains(t, mustCall(t, "__complete", "ten"), "tenant\t")
}
