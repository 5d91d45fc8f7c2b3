package workers_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/workers"
)

func TestAnOutageOfTheDatabaseIsToldOnce(t *testing.T) {
	t.Parallel()
	postgres, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Throwaway: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.Stop(context.Background())) })
	l := newLabOn(t, postgres, servers.broker.URL())
	all := l.tenants(12)
	for _, tenant := range all {
		l.fill(tenant, 1000, 50)
	}
	log, broker := &memory{}, &recorder{}
	config := fast()
	config.BatchSize, config.Log = 20, slog.New(slog.NewTextHandler(log, nil))
	l.run(config, workers.Parts{Publisher: broker})
	eventually(t, func() bool { return len(broker.taken()) > 200 })
	require.NoError(t, postgres.Restart(t.Context()))
	l.superuser.Reset()
	eventually(t, func() bool { return strings.Contains(log.String(), "the database is back") })
	for _, tenant := range all {
		l.settled(tenant)
	}
	lines := log.String()
	require.Equal(t, 1, strings.Count(lines, "the database is away"), lines)
	require.Equal(t, 1, strings.Count(lines, "\n")-1, "one line when it began and one when it was over:\n%s", lines)
	require.Regexp(t, `failures=[1-9]`, lines)
}

// TestATenantsOwnFailureIsTold: what is wrong with one tenant is no outage, and names it.
func TestATenantsOwnFailureIsTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	broken, other := l.tenant(), l.tenant()
	l.fill(broken, 1, 1)
	l.fill(other, 1, 1)
	l.execf(`alter table %s.events rename to elsewhere`, broken.SchemaName)
	log := &memory{}
	config := fast()
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	l.run(config, workers.Parts{Publisher: &recorder{}})
	l.settled(other)
	eventually(t, func() bool { return strings.Contains(log.String(), "a turn failed") })
	require.Contains(t, log.String(), broken.ID)
	require.NotContains(t, log.String(), other.ID)
	require.NotContains(t, log.String(), "is away")
}
