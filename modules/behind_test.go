package modules_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/migrations"
	"github.com/tenantry/tenantry/tenants"
)

// TestATenantOneMigrationBehindKeepsAnswering lets tenants before and after the newest migration, and
// one that has the next already, take turns on one connection: with every operation, and with publishing.
func TestATenantOneMigrationBehindKeepsAnswering(t *testing.T) {
	t.Parallel()
	all := map[string]*estate{"behind": newEstate(t), "up to date": newEstate(t), "ahead": newEstate(t)}
	stepBack(t, all["behind"])
	stepAhead(t, all["ahead"])
	p := startAPI(t, func(s *config.Settings) { s.DatabasePoolSize = 1 })
	operations := requireRules(t, readDocument(t))
	for range 2 {
		for id, op := range operations {
			if op.operator() {
				continue
			}
			for name, e := range all {
				r := rules()[id]
				got := p.do(t, r.about(spare(t, e)), e.Token(t, tenants.Admin))
				require.Equal(t, r.admin, got.status, "%s of the one that is %s: %s", id, name, got.body)
			}
		}
	}
	for name, e := range all {
		e.Settle(t)
		require.ElementsMatch(t, texts(t, "select id::text from "+e.table("events")), publishedIDs(t, e), name)
		requireReplays(t, e)
	}
	_, err := apptest.Tenants().Migrate(t.Context(), apptest.Operator(), tenants.MigrateOptions{Slug: all["behind"].Slug})
	require.NoError(t, err)
	got := p.do(t, rules()["list-events"].about(existing(all["behind"])), all["behind"].Token(t, tenants.Auditor))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func stepBack(t *testing.T, e *estate) {
	t.Helper()
	tenant, err := apptest.Tenants().MigrateDown(t.Context(), apptest.Operator(), e.Slug)
	require.NoError(t, err)
	require.NotEqual(t, migrations.Tenant().Latest(), tenant.SchemaVersion)
}

// stepAhead does what a migration to come may do while this version of the program still runs.
func stepAhead(t *testing.T, e *estate) {
	t.Helper()
	for _, r := range relations(t, e.Tenant.Tenant.SchemaName) {
		if r.Kind == "r" && r.Name != "schema_migrations" {
			_, err := apptest.Superuser(t).Exec(t.Context(), "alter table "+r.String()+" add column next_version text not null default 'x'")
			require.NoError(t, err)
		}
	}
}

// requireReplays gives the dead event another chance, which publishes it once more.
func requireReplays(t *testing.T, e *estate) {
	t.Helper()
	rules()["replay-deliveries"].about(existing(e)).do(t, apptest.OperatorClient(t)).Require(t, http.StatusOK)
	e.Settle(t)
	require.Equal(t, []string{"published"}, texts(t, "select m.status from "+e.table("outbox_messages")+" m join "+
		e.table("events")+" e on e.seq = m.seq where e.id = $1", e.DeadID))
}

func publishedIDs(t *testing.T, e *estate) []string {
	t.Helper()
	var ids []string
	for _, message := range e.Published(t) {
		ids = append(ids, message.ID())
	}
	return ids
}

// do sends a call to this process.
func (p *process) do(t *testing.T, c call, token string) answer {
	t.Helper()
	var body []byte
	if c.body != nil {
		var err error
		body, err = json.Marshal(c.body)
		require.NoError(t, err)
	}
	got, err := send(t.Context(), p.client, c.method, p.URL()+c.path, token, string(body), c.headers...)
	require.NoError(t, err)
	return got
}
