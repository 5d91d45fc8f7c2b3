package cli

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

func TestErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"dial postgres://app:hunter2@db:5432/x: refused",
		"dial nats://hunter2@broker:4222: refused",
		"cannot parse `host=db user=app password=hunter2 dbname=x`",
		"cannot parse `password='hunter2 with spaces' host=db`",
	} {
		var stderr bytes.Buffer
		r := &runner{Program: Program{Stderr: &stderr}, entered: true}
		require.Equal(t, exitFailed, r.exit(nil, errors.New(text)))
		require.NotContains(t, stderr.String(), "hunter2")
		require.True(t, strings.HasPrefix(stderr.String(), "internal error: "), stderr.String())
	}
}

func TestFaultsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	r := &runner{Program: Program{Stderr: &stderr}, entered: true}
	err := fmt.Errorf("wrapped: %w", fault.New(fault.Conflict, "taken", "It is taken.").Because(errors.New("a secret")))
	require.Equal(t, exitFailed, r.exit(nil, err))
	require.Equal(t, "It is taken.\n", stderr.String())
}

func TestTablesKeepTheirShapeWhateverNamesHold(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	r := &runner{Program: Program{Stdout: &stdout}}
	require.NoError(t, r.show(module.Result{
		Columns: []string{"slug", "name"}, Rows: [][]string{{"acme", "a\tb\nc\x1b[2J"}, {"globex", "x"}},
	}))
	require.Equal(t, "SLUG    NAME\nacme    a b c [2J\nglobex  x\n", stdout.String())
}

func TestProgressIsALineNowAndThenAndAtTheEnd(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(0, 0)
	tell := progressLines(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	for done := 1; done <= 100; done++ {
		now = now.Add(time.Second)
		tell(migrations.Progress{Done: done, Total: 100})
	}
	require.Equal(t, 20, strings.Count(log.String(), "migrating tenants"))
	require.Contains(t, log.String(), "done=100")
}

func TestProgressBarCountsWhatFailed(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	r := &runner{Program: Program{Stderr: &stderr}}
	tell := r.progressBar()
	tell(migrations.Progress{Done: 1, Total: 2})
	tell(migrations.Progress{Done: 2, Failed: 1, Total: 2})
	require.Contains(t, stderr.String(), "1 failed")
	require.Contains(t, stderr.String(), "100%")
}

func TestStatusCountsTenantsAtEachVersion(t *testing.T) {
	t.Parallel()
	latest := migrations.Tenant().Latest()
	result := statusOf([]tenants.Tenant{
		{Slug: "a", SchemaVersion: latest},
		{Slug: "b", SchemaVersion: latest},
		{Slug: "c", SchemaVersion: "0001_users", SchemaError: "it broke"},
		{Slug: "d"},
	})
	require.Equal(t, [][]string{
		{"", "1", "being onboarded"}, {"0001_users", "1", "behind"}, {latest, "2", "newest"}, {"c", "failed", "it broke"},
	}, result.Rows)
}

func TestFailuresOfAMigrationMakeTheCommandFail(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	r := &runner{Program: Program{Stdout: &stdout, Stderr: &stderr}, entered: true}
	err := r.showFailures(migrated{tenants: []migrations.Failure{{Name: "acme", Err: errors.New("lock timeout")}}})
	require.Equal(t, exitFailed, r.exit(nil, err))
	require.Contains(t, stdout.String(), "lock timeout")
	require.Equal(t, "0 clusters and 1 tenants could not be migrated; the others were.\n", stderr.String())
}

func TestFindingsThatFailMakeDoctorFail(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	r := &runner{Program: Program{Stdout: &stdout, Stderr: &stderr}, entered: true}
	warned := []finding{{"settings", "slots", verdictWarn, "many", "fewer"}}
	require.NoError(t, r.report(warned))
	failed := slices.Concat(warned, []finding{{"broker", "reachable", verdictFail, "away", "start it"}})
	require.ErrorIs(t, r.report(failed), errReported)
	require.Contains(t, stdout.String(), "away; advice: start it")
}

func TestArgumentsFollowTheUsageLine(t *testing.T) {
	t.Parallel()
	cmd := group("x", "", "")
	for usage, allowed := range map[string][]int{"": {0}, "SLUG": {1}, "SLUG [ID]": {1, 2}} {
		for n := range 4 {
			err := takes(usage)(cmd, make([]string, n))
			require.Equal(t, !slices.Contains(allowed, n), err != nil, "%q with %d", usage, n)
		}
	}
}
