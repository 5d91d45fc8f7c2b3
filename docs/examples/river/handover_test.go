package main

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/docs/examples/river/welcome"
	"github.com/tenantry/tenantry/modules/user/userevents"
	"github.com/tenantry/tenantry/tenants"
)

func TestAJobCommitsWithItsInboxRow(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	ada := addUser(t, tenant, "ada@"+tenant.Slug+".example")
	tenant.Settle(t)
	found := jobsOf(t, tenant)
	require.Len(t, found, 2, "one for the owner, one for Ada")
	require.ElementsMatch(t, []string{tenant.OwnerID, ada}, []string{found[0].UserID, found[1].UserID})
	events := []string{found[0].EventID, found[1].EventID}
	require.ElementsMatch(t, inboxOf(t, tenant, welcome.HandlerName), events)
	require.Contains(t, events, eventOf(t, tenant, userevents.NameCreated, ada))
}

func TestAHandlerThatFailsLeavesNoJob(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	ada, client := addUser(t, tenant, "ada@"+tenant.Slug+".example"), tenant.Client(t, tenants.Admin)
	client.Post(t, "/v1/users/"+ada+"/disable", nil, "If-Match", `"1"`).Require(t, http.StatusOK)
	client.Post(t, "/v1/users/"+ada+"/enable", nil, "If-Match", `"2"`).Require(t, http.StatusOK)
	tenant.Settle(t)

	disabled, enabled := eventOf(t, tenant, userevents.NameDisabled, ada), eventOf(t, tenant, userevents.NameEnabled, ada)
	require.Empty(t, inboxOf(t, tenant, hopeless))
	require.Equal(t, []string{enabled}, inboxOf(t, tenant, hesitant))
	events := make([]string, 0, 3)
	for _, found := range jobsOf(t, tenant) {
		events = append(events, found.EventID)
	}
	require.NotContains(t, events, disabled, "it failed, and its job was rolled back with it")
	require.Len(t, events, 3, "two users, and what succeeded at the second attempt, once")
	require.Contains(t, events, enabled)
}

func TestARepeatedEventAddsNoSecondJob(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	tenant.Settle(t)
	before := jobsOf(t, tenant)
	require.Len(t, before, 1)
	var answer struct{ Republished int }
	apptest.OperatorClient(t).Post(t, "/admin/v1/tenants/"+tenant.Slug+"/outbox/republish",
		map[string]time.Time{"since": time.Now().Add(-time.Hour)}).Require(t, http.StatusOK).JSON(t, &answer)
	require.Positive(t, answer.Republished)
	tenant.Settle(t)
	require.Equal(t, before, jobsOf(t, tenant))
}

func TestJobsAreWorkedForTheirTenants(t *testing.T) {
	t.Parallel()
	alice, bob := newTenant(t), newTenant(t)
	startWorker(t)
	want := map[string]string{}
	for _, tenant := range []*apptest.Tenant{alice, bob} {
		address := "ada@" + tenant.Slug + ".example"
		want[eventOf(t, tenant, userevents.NameCreated, addUser(t, tenant, address))] = address
		tenant.Settle(t)
		for _, found := range jobsOf(t, tenant) {
			awaitState(t, found.ID, "completed")
		}
	}
	for key, address := range want {
		sent, _ := mails.Load(key)
		require.Equal(t, address, sent)
	}
}

func TestAJobOfATenantThatIsGoneIsCancelled(t *testing.T) {
	t.Parallel()
	startWorker(t)
	var id int64
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), `insert into jobs.river_job (args, kind, max_attempts, queue, tenant_role)
		values ('{"user_id":"x","event_id":"gone"}', $1, 3, $2, 't_gone') returning id`, welcome.Mail{}.Kind(), jobs.Queue).Scan(&id))
	awaitState(t, id, "cancelled")
	_, sent := mails.Load("gone")
	require.False(t, sent)
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	tenant.Settle(t)
	before := jobsOf(t, tenant)
	owner, err := apptest.Clusters().Owner(tenants.HomeCluster)
	require.NoError(t, err)
	require.NoError(t, jobs.Migrate(t.Context(), owner, apptest.Clusters().Home(), slog.New(slog.DiscardHandler)))
	require.Equal(t, before, jobsOf(t, tenant))
	require.Len(t, before, 1)
}
