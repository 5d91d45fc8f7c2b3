package main

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/docs/examples/river/welcome"
	"github.com/tenantry/tenantry/tenants"
)

// denied is PostgreSQL's insufficient_privilege, for a missing right and for a policy.
const denied = "42501"

// violated is PostgreSQL's check_violation.
const violated = "23514"

// inject runs what an SQL injection in the tenant's scope could say, and returns the rows as texts.
func inject(t *testing.T, tenant *apptest.Tenant, sql string) ([]string, error) {
	t.Helper()
	var found []string
	err := tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		rows, _ := tx.Pgx().Query(t.Context(), sql)
		var err error
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return found, err
}

// victims are an attacker, and a tenant with a job that is not the attacker's.
func victims(t *testing.T) (alice, bob *apptest.Tenant, fill func(string) string) {
	t.Helper()
	alice, bob = newTenant(t), newTenant(t)
	alice.Settle(t)
	bob.Settle(t)
	target := jobsOf(t, bob)[0]
	fill = strings.NewReplacer(
		"{bob}", bob.Tenant.RoleName, "{job}", strconv.FormatInt(target.ID, 10),
		"{columns}", "args, kind, max_attempts, queue", "{values}", `'{}', 'welcome_mail', 3, 'tenants'`,
	).Replace
	return alice, bob, fill
}

func TestATenantReachesNoOthersJobs(t *testing.T) {
	t.Parallel()
	alice, bob, fill := victims(t)
	before := jobsOf(t, bob)
	for name, sql := range map[string]string{
		"insert for another":    `insert into jobs.river_job ({columns}, tenant_role) values ({values}, '{bob}') returning kind`,
		"insert as the default": `insert into jobs.river_job ({columns}, tenant_role) values ({values}, default) returning kind`,
		"insert, then update":   `update jobs.river_job set tenant_role = '{bob}' returning kind`,
		"the program's queue":   `insert into jobs.river_job (args, kind, max_attempts, queue) values ('{}', 'welcome_mail', 3, 'default') returning kind`,
		"a unique key": `insert into jobs.river_job ({columns}, unique_key, unique_states)
			values ({values}, 'x', '11111111') returning kind`,
		"a job that runs":    `insert into jobs.river_job ({columns}, state) values ({values}, 'running') returning kind`,
		"a job that is done": `insert into jobs.river_job ({columns}, state, finalized_at) values ({values}, 'completed', now()) returning kind`,
		"an attempt":         `insert into jobs.river_job ({columns}, attempt) values ({values}, 2) returning kind`,
		"arguments":          `update jobs.river_job set args = '{}' returning kind`,
		"state":              `update jobs.river_job set state = 'cancelled' returning kind`,
		"delete":             `delete from jobs.river_job returning kind`,
		"role":               `select set_config('role', '{bob}', true)`,
		"sequence, back":     `select setval('jobs.river_job_id_seq', 1)::text`,
		"sequence, read":     `select last_value::text from jobs.river_job_id_seq`,
		"queues":             `select name from jobs.river_queue`,
		"leader":             `select name from jobs.river_leader`,
		"notifications":      `select topic from jobs.river_notification`,
		"migrations":         `select line from jobs.river_migration`,
	} {
		found, err := inject(t, alice, fill(sql))
		refusal, ok := errors.AsType[*pgconn.PgError](err)
		require.True(t, ok, "%s returned %v, %v", name, found, err)
		require.Equal(t, denied, refusal.Code, "%s: %s", name, refusal.Message)
		require.NotContains(t, refusal.Message+refusal.Detail, bob.Tenant.RoleName, name)
	}
	require.Equal(t, before, jobsOf(t, bob))
}

// refusedJob is the code with which PostgreSQL refuses a tenant's job of which one column has this value.
func refusedJob(t *testing.T, tenant *apptest.Tenant, column, value string) string {
	t.Helper()
	job := map[string]string{"args": `'{}'`, "kind": `'welcome_mail'`, "max_attempts": "3", "queue": `'tenants'`}
	job[column] = value
	var columns, values []string
	for column, value := range job {
		columns, values = append(columns, column), append(values, value)
	}
	_, err := inject(t, tenant, `insert into jobs.river_job (`+strings.Join(columns, ", ")+`)
		values (`+strings.Join(values, ", ")+`) returning kind`)
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "%s %s: %v", column, value, err)
	return refusal.Code
}

// TestNoJobStopsTheOthers: the worker reads the jobs of all tenants in one batch, so a tenant adds none that
// River cannot read.
func TestNoJobStopsTheOthers(t *testing.T) {
	t.Parallel()
	alice, bob := newTenant(t), newTenant(t)
	for column, values := range map[string][]string{
		"created_at":   {`'-infinity'`, `'infinity'`, `'294276-12-31'`, `now() - interval '2 days'`, `now() + interval '2 days'`},
		"scheduled_at": {`'-infinity'`, `'infinity'`, `'294276-12-31'`, `now() - interval '2 days'`, `now() + interval '11 years'`},
		"tags":         {`'{null}'`, `'{a,null}'`, `'{{a,b},{c,d}}'`, `array_fill('a'::text, array[101])`},
		"args":         {`'null'`, `'[]'`, `'1'`, `jsonb_build_object('a', repeat('x', 1048576))`},
		"metadata":     {`'null'`, `'[]'`, `'"a"'`, `jsonb_build_object('a', repeat('x', 65536))`},
	} {
		for _, value := range values {
			require.Equal(t, denied, refusedJob(t, alice, column, value), "%s %s", column, value)
		}
	}
	for column, value := range map[string]string{"priority": "5", "max_attempts": "0", "kind": "repeat('x', 128)"} {
		require.Equal(t, violated, refusedJob(t, alice, column, value), "%s, by River's own check", column)
	}
	startWorker(t)
	bob.Settle(t)
	awaitState(t, jobsOf(t, bob)[0].ID, "completed")
}

func TestNobodyChoosesAnId(t *testing.T) {
	t.Parallel()
	alice, bob, fill := victims(t)
	before := jobsOf(t, bob)
	for _, sql := range []string{
		`insert into jobs.river_job (id, {columns}, tags) values ({job}, {values}, '{}') returning id::text`,
		`insert into jobs.river_job (id, {columns}, tags) values ({job}, {values}, '{}') on conflict do nothing returning id::text`,
		`insert into jobs.river_job (id, {columns}, tags) values ({job}, {values}, '{}')
			on conflict (id) do update set kind = 'x' returning id::text`,
		`insert into jobs.river_job (id, {columns}, tags) select nextval('jobs.river_job_id_seq') + 1000, {values}, '{}'
			returning (id - currval('jobs.river_job_id_seq'))::text`,
	} {
		found, err := inject(t, alice, fill(sql))
		require.NoError(t, err, sql)
		require.Len(t, found, 1, sql)
		require.NotEqual(t, fill("{job}"), found[0], "%s tells nothing of another's job", sql)
		require.NotEqual(t, "1000", found[0], sql)
	}
	require.Equal(t, before, jobsOf(t, bob))
}

func TestATenantSeesItsOwnJobsAlone(t *testing.T) {
	t.Parallel()
	alice, _, fill := victims(t)
	for name, sql := range map[string]string{
		"by role":   `select kind from jobs.river_job where tenant_role = '{bob}'`,
		"by id":     `select kind from jobs.river_job where id = {job}`,
		"all":       `select kind from jobs.river_job where tenant_role <> current_user`,
		"or":        `select kind from jobs.river_job where id = {job} or (tenant_role <> current_user and true)`,
		"error":     `select kind from jobs.river_job where tenant_role <> current_user and 1 / (id - {job}) is null`,
		"lock":      `select kind from jobs.river_job for update`,
		"kind":      `update jobs.river_job set kind = 'x' returning kind`,
		"kind, own": `update jobs.river_job set kind = 'x' where tenant_role = current_user returning kind`,
		"samples":   `select kind from jobs.river_job tablesample bernoulli (100) where id = {job}`,
		"estimates": `select most_common_vals::text from pg_stats where schemaname = 'jobs'`,
	} {
		found, err := inject(t, alice, fill(sql))
		require.NoError(t, err, name)
		require.Empty(t, found, name)
	}
	own, err := inject(t, alice, `select distinct tenant_role from jobs.river_job`)
	require.NoError(t, err)
	require.Equal(t, []string{alice.Tenant.RoleName}, own)
}

func TestAForgedJobIsWorkedForWhoForgedIt(t *testing.T) {
	t.Parallel()
	alice, bob, fill := victims(t)
	startWorker(t)
	var id int64
	forged := `insert into jobs.river_job (args, kind, max_attempts, queue, metadata, tags) values ('{"user_id":"` + bob.OwnerID +
		`","event_id":"forged-` + alice.Slug + `"}', 'welcome_mail', 3, 'tenants', '{"tenant":"{bob}"}', '{}') returning id`
	require.NoError(t, alice.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		return tx.Pgx().QueryRow(t.Context(), fill(forged)).Scan(&id)
	}))
	awaitState(t, id, "cancelled")
	_, sent := mails.Load("forged-" + alice.Slug)
	require.False(t, sent, "the user of another tenant does not exist for the worker")
}

func TestWhatTheInserterCannotDoFailsAloud(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	inserter, err := jobs.NewInserter()
	require.NoError(t, err)
	for name, options := range map[string]river.InsertOpts{
		"unique":        {UniqueOpts: river.UniqueOpts{ByArgs: true}},
		"another queue": {Queue: river.QueueDefault},
	} {
		err := tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
			_, err := inserter.InsertTx(t.Context(), tx.Pgx(), welcome.Mail{}, &options)
			return err
		})
		refusal, ok := errors.AsType[*pgconn.PgError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, denied, refusal.Code, name)
	}
	require.NoError(t, tenant.Scope().Transact(t.Context(), func(tx *tenants.Tx) error {
		_, err := inserter.InsertManyTx(t.Context(), tx.Pgx(), []river.InsertManyParams{
			{Args: welcome.Mail{EventID: "1"}}, {Args: welcome.Mail{EventID: "2"}}, {Args: welcome.Mail{EventID: "3"}},
		})
		return err
	}), "many at once are each checked")
}

func TestNoTenantsRoleHasAnEntryOfItsOwn(t *testing.T) {
	t.Parallel()
	tenant := newTenant(t)
	tenant.Settle(t)
	var entries int
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), `select count(*) from pg_shdepend d join pg_class c on c.oid = d.objid
		where d.refobjid = $1::text::regrole and c.relnamespace = 'jobs'::regnamespace`, tenant.Tenant.RoleName).Scan(&entries))
	require.Zero(t, entries, "it would stand in the way of the role's removal")
}

// The guide says what a function with the owner's rights may trust, for queues that need one.
func TestWhoAskedIsKnownInsideOfAFunctionWithTheOwnersRights(t *testing.T) {
	t.Parallel()
	alice, _, fill := victims(t)
	_, err := apptest.Superuser(t).Exec(t.Context(), `create or replace function jobs.who() returns text language sql
		security definer set search_path = pg_catalog, pg_temp
		as $$ select concat_ws(' ', session_user, current_setting('role')) $$;
		alter function jobs.who() owner to tenantry_owner;
		grant execute on function jobs.who() to public`)
	require.NoError(t, err)
	found, err := inject(t, alice, `select jobs.who()`)
	require.NoError(t, err)
	require.Equal(t, []string{"tenantry_app " + alice.Tenant.RoleName}, found)
	for _, sql := range []string{
		`select jobs.who() from (select set_config('role', '{bob}', true)) x`,
		`select jobs.who() from (select pg_catalog.set_config('role', 'none', true)) x`,
		`update pg_settings set setting = '{bob}' where name = 'role' and jobs.who() <> ''`,
	} {
		found, err := inject(t, alice, fill(sql))
		refusal, ok := errors.AsType[*pgconn.PgError](err)
		require.True(t, ok, "%s returned %v, %v", sql, found, err)
		require.Equal(t, denied, refusal.Code, sql)
	}
}
