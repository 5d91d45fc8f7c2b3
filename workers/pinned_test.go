package workers_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/workers"
)

// journal is a log that a test can read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// about are the warnings that name an application.
func (j *journal) about(application string) (found []string) {
	for line := range bytes.SplitSeq([]byte(j.String()), []byte("\n")) {
		if bytes.Contains(line, []byte("application="+application)) {
			found = append(found, string(line))
		}
	}
	return found
}

// watching looks often, and warns of what is older than the threshold.
func watching(after time.Duration, log *journal) workers.Config {
	config := fast()
	config.PinnedAfter, config.PinnedPause = after, 10*time.Millisecond
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	return config
}

// idle opens a transaction that has read, and then does nothing.
func (l *lab) idle(url, application string) (end func()) {
	l.t.Helper()
	conn, err := pgx.Connect(l.t.Context(), url+"&application_name="+application)
	require.NoError(l.t, err)
	_, err = conn.Exec(l.t.Context(), "begin isolation level repeatable read; select 'the secret of a statement'")
	require.NoError(l.t, err)
	end = sync.OnceFunc(func() { _ = conn.Close(context.Background()) })
	l.t.Cleanup(end)
	return end
}

func TestASessionThatHoldsBackVacuumIsNamedOnce(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]string{"another login's": "postgres", "the own login's": "tenantry_app"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, log, metrics := newLab(t), &journal{}, newMeter()
			l.run(watching(100*time.Millisecond, log), workers.Parts{
				Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry),
			})
			end := l.idle(l.postgres.URL(login, l.database), "forgotten")
			eventually(t, func() bool { return len(log.about("forgotten")) == 1 })
			eventually(t, func() bool { return metrics.value(t, "pinned_xmin_seconds") > 0.5 }, "it has been looked at again")
			warning := log.about("forgotten")
			require.Len(t, warning, 1, "one warning for one occurrence")
			require.Contains(t, warning[0], "login="+login)
			require.Contains(t, warning[0], `state="idle in transaction"`)
			require.Regexp(t, `pid=[1-9]`, warning[0])
			require.NotContains(t, log.String(), "secret of a statement")

			end()
			eventually(t, func() bool { return metrics.value(t, "pinned_xmin_seconds") < 0.1 }, "it is over")
			l.idle(l.postgres.URL(login, l.database), "forgotten")
			eventually(t, func() bool { return len(log.about("forgotten")) == 2 }, "another one is another occurrence")
		})
	}
}

// TestAWorkerCountsTheAgeThatItMayNotSee takes from the owner the right to see others' sessions.
func TestAWorkerCountsTheAgeThatItMayNotSee(t *testing.T) {
	t.Parallel()
	l, log := newLab(t), &journal{}
	l.execf(`alter function dispatch.pinned() owner to tenantry_app`) // the role rights are the server's, for all tests
	sees, err := l.cluster.SeesStatistics(t.Context())
	require.NoError(t, err)
	require.False(t, sees)
	l.idle(l.postgres.URL("postgres", l.database), "forgotten")
	l.run(watching(100*time.Millisecond, log), workers.Parts{Publisher: &recorder{}})
	eventually(t, func() bool { return len(log.about("forgotten")) == 1 })
	require.Contains(t, log.about("forgotten")[0], `state=""`, "this it may not see, nor since when")
}

func TestWhatIsYoungIsNoWarning(t *testing.T) {
	t.Parallel()
	l, log, metrics := newLab(t), &journal{}, newMeter()
	l.idle(l.postgres.URL("postgres", l.database), "busy")
	l.run(watching(time.Hour, log), workers.Parts{Publisher: &recorder{}, Metrics: workers.NewMetrics(metrics.registry)})
	eventually(t, func() bool { return metrics.value(t, "pinned_xmin_seconds") > 0 })
	require.Empty(t, log.about("busy"))
}
