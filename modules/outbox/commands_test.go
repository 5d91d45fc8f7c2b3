package outbox_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/modules/outbox"
)

// run calls a command as a person types it after "tenantry".
func run(t *testing.T, line ...string) (module.Result, error) {
	t.Helper()
	for _, command := range outbox.Commands() {
		if len(line) < 2 || command.Path[0] != line[0] || command.Path[1] != line[1] {
			continue
		}
		flags := pflag.NewFlagSet(line[1], pflag.ContinueOnError)
		if command.Flags != nil {
			command.Flags(flags)
		}
		require.NoError(t, flags.Parse(line[2:]))
		call := module.Call{Args: flags.Args(), Flags: flags, Actor: apptest.Operator()}
		if command.Check != nil {
			if err := command.Check(call); err != nil {
				return module.Result{}, err
			}
		}
		return command.Run(t.Context(), apptest.App().Env(), call)
	}
	require.FailNow(t, "no such command", "%v", line)
	return module.Result{}, nil
}

// succeed runs a command and returns its result as --json shows it.
func succeed(t *testing.T, line ...string) (module.Result, map[string]any) {
	t.Helper()
	result, err := run(t, line...)
	require.NoError(t, err)
	text, err := json.Marshal(result.JSON)
	require.NoError(t, err)
	var value map[string]any
	require.NoError(t, json.Unmarshal(text, &value))
	return result, value
}

func rowOf(t *testing.T, result module.Result, first string) map[string]string {
	t.Helper()
	for _, row := range result.Rows {
		require.Len(t, row, len(result.Columns))
		if row[0] != first {
			continue
		}
		cells := map[string]string{}
		for i, column := range result.Columns {
			cells[column] = row[i]
		}
		return cells
	}
	require.FailNow(t, "no row", "%s", first)
	return nil
}

func TestCommandsHaveExamplesThatTheyUnderstand(t *testing.T) {
	t.Parallel()
	for _, command := range outbox.Commands() {
		require.NotEmpty(t, command.Short)
		for line := range strings.SplitSeq(command.Example, "\n") {
			words := strings.Fields(line)
			require.Equal(t, append([]string{"tenantry"}, command.Path...), words[:3])
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			if command.Flags != nil {
				command.Flags(flags)
			}
			require.NoError(t, flags.Parse(words[3:]))
			require.Len(t, flags.Args(), len(strings.Fields(command.Arguments)))
		}
	}
}

func TestCommandsFindAndReplayWhatFailed(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := opened(t, tenant, "strict", 2)
	result, _ := succeed(t, "outbox", "status")
	row := rowOf(t, result, tenant.Slug)
	require.Equal(t, "1", row["failed"])
	require.Equal(t, "1", row["retrying"])
	require.Equal(t, "0", row["unpublished"])
	require.Equal(t, "-", row["oldest"])
	require.Equal(t, "no", row["paused"])

	result, value := succeed(t, "outbox", "failed", "--tenant", tenant.Slug)
	require.Len(t, result.Rows, 1)
	row = rowOf(t, result, ids[0])
	require.Equal(t, "Ticket/"+k.id, row["aggregate"])
	require.Equal(t, "strict", row["handler"])
	require.Equal(t, errNever.Error(), row["last error"])
	require.Len(t, value["items"], 1)
	result, _ = succeed(t, "outbox", "failed", "--tenant", tenant.Slug, "--status", "waiting", "--handler", "strict")
	rowOf(t, result, ids[1])

	result, value = succeed(t, "outbox", "replay", "--tenant", tenant.Slug, "--all", "--since", "1h", "--until", "30m")
	require.Contains(t, result.Message, "0")
	require.InDelta(t, 0, value["replayed"], 0)
	desk.refuse(nil, "strict", ids...)
	_, value = succeed(t, "outbox", "replay", "--tenant", tenant.Slug, "--event", ids[0], "--handler", "strict",
		"--since", time.Now().Add(-time.Hour).Format(time.RFC3339))
	require.InDelta(t, 1, value["replayed"], 0)
	awaitDelivered(t, tenant)
}

func TestCommandFailedStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	opened(t, tenant, "strict", 5)
	result, value := succeed(t, "outbox", "failed", "--tenant", tenant.Slug, "--status", "waiting", "--limit", "3")
	require.Len(t, result.Rows, 3)
	require.NotEmpty(t, result.Notes)
	require.NotEmpty(t, value["next_cursor"])
	result, value = succeed(t, "outbox", "failed", "--tenant", tenant.Slug, "--status", "waiting", "--limit", "4")
	require.Len(t, result.Rows, 4)
	require.Nil(t, value["next_cursor"])
}

func TestCommandSkipGivesADeliveryUp(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	_, ids := opened(t, tenant, "strict", 1)
	result, value := succeed(t, "outbox", "skip", "--tenant", tenant.Slug, "--event", ids[0], "--handler", "strict")
	require.Equal(t, map[string]any{"event_id": ids[0], "handler": "strict", "event_status": "published"}, value)
	require.Contains(t, result.Message, "published")
}

func TestCommandRepublishSendsAgain(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	k, ids := newTicket(tenant), newIDs(t, 2)
	k.record(t, ids...)
	tenant.Settle(t)
	w := listen(t, tenant)
	_, value := succeed(t, "outbox", "republish", "--tenant", tenant.Slug, "--since", "2h")
	require.InDelta(t, len(tenant.Published(t)), value["republished"], 0)
	w.await(t, ids, ids)
	_, value = succeed(t, "outbox", "republish", "--tenant", tenant.Slug, "--since", "2h", "--until", "1h")
	require.InDelta(t, 0, value["republished"], 0)
}

func TestCommandsPauseAndResume(t *testing.T) {
	t.Parallel()
	tenant := apptest.New(t)
	for word, paused := range map[string]bool{"pause": true, "resume": false} {
		result, value := succeed(t, "outbox", word, tenant.Tenant.ID)
		require.Equal(t, map[string]any{"slug": tenant.Slug, "paused": paused}, value)
		require.Contains(t, result.Message, tenant.Slug)
		require.Equal(t, paused, statusOf(t, tenant).Paused)
	}
}

func TestCommandsNameEveryMistake(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"outbox failed --limit 0", "--tenant --limit"},
		{"outbox replay --since yesterday --until -2h", "--tenant --since --until"},
		{"outbox skip", "--tenant --event --handler"},
		{"outbox republish", "--tenant --since"},
		{"outbox republish --tenant acme --since 2026", "--since"},
		{"outbox replay --tenant acme", "event_ids"},
		{"outbox replay --tenant acme --all --event 12", "all event_ids"},
	} {
		line, names := c[0], c[1]
		_, err := run(t, strings.Fields(line)...)
		problem, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok, "%s: %v", line, err)
		require.Equal(t, fault.Invalid, problem.Kind, line)
		var found []string
		for _, field := range problem.Fields {
			found = append(found, field.Name)
		}
		require.Equal(t, names, strings.Join(found, " "), line)
	}
}
