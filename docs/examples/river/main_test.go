package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/docs/examples/river/jobs"
	"github.com/tenantry/tenantry/docs/examples/river/welcome"
	"github.com/tenantry/tenantry/modules/user/userevents"
	"github.com/tenantry/tenantry/tenants"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m, buildWithFailures)) }

const (
	hopeless = "hopeless" // reacts to User.disabled, adds a job, and fails for good
	hesitant = "hesitant" // reacts to User.enabled, adds a job, and fails the first time
)

// buildWithFailures is the program and two handlers that add a job and fail.
func buildWithFailures(env module.Env) (module.Set, error) {
	set, err := build(env)
	if err != nil {
		return set, err
	}
	inserter, err := jobs.NewInserter()
	if err != nil {
		return set, err
	}
	enqueue := welcome.Module(inserter).Handlers[0].Transactional
	var seen sync.Map
	set.Modules = append(set.Modules, module.Module{Name: "failing", Handlers: []module.Handler{{
		Name: hopeless, Events: []string{userevents.NameDisabled},
		Transactional: func(ctx context.Context, tx *tenants.Tx, event module.Event) error {
			if err := enqueue(ctx, tx, event); err != nil {
				return err
			}
			return fault.New(fault.Invalid, "hopeless", "No attempt helps.")
		},
	}, {
		Name: hesitant, Events: []string{userevents.NameEnabled},
		Transactional: func(ctx context.Context, tx *tenants.Tx, event module.Event) error {
			if err := enqueue(ctx, tx, event); err != nil {
				return err
			}
			if _, again := seen.LoadOrStore(event.ID, true); !again {
				return fmt.Errorf("the first attempt at %s fails", event.ID)
			}
			return nil
		},
	}}})
	return set, nil
}

// migrated makes River's tables, once, after the program has started and onboarded tenants without them.
var migrated = sync.OnceValue(func() error { //nolint:gochecknoglobals // all tests share the tables
	clusters := apptest.Clusters()
	owner, err := clusters.Owner(tenants.HomeCluster)
	if err != nil {
		return err
	}
	return jobs.Migrate(context.Background(), owner, clusters.Home(), slog.New(slog.DiscardHandler))
})

// newTenant onboards a tenant, whose owner gets the first welcome mail.
func newTenant(t *testing.T) *apptest.Tenant {
	t.Helper()
	require.NoError(t, migrated())
	return apptest.New(t)
}

// addUser makes a user in the tenant and returns its id.
func addUser(t *testing.T, tenant *apptest.Tenant, email string) string {
	t.Helper()
	var made struct{ ID string }
	tenant.Client(t, tenants.Admin).Post(t, "/v1/users", map[string]string{"email": email, "name": "Ada", "role": "member"}).
		Require(t, http.StatusCreated).JSON(t, &made)
	return made.ID
}

// job is a job as a superuser sees it. Its state is none of a test's business that does not wait for it:
// the worker of another test may work it.
type job struct {
	ID      int64
	EventID string
	UserID  string
}

// jobsOf are the jobs that PostgreSQL says are the tenant's, oldest first.
func jobsOf(t *testing.T, tenant *apptest.Tenant) []job {
	t.Helper()
	rows, err := apptest.Superuser(t).Query(t.Context(), `select id, args->>'event_id', args->>'user_id'
		from jobs.river_job where tenant_role = $1 order by id`, tenant.Tenant.RoleName)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[job])
	require.NoError(t, err)
	return found
}

// inboxOf are the events that a handler was applied to.
func inboxOf(t *testing.T, tenant *apptest.Tenant, handler string) []string {
	t.Helper()
	rows, err := apptest.Superuser(t).Query(t.Context(), fmt.Sprintf(
		"select event_id::text from %s.inbox where handler = $1 order by event_id", tenant.Tenant.SchemaName), handler)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

// eventOf is the id of an event about a user.
func eventOf(t *testing.T, tenant *apptest.Tenant, name, userID string) string {
	t.Helper()
	var id string
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), fmt.Sprintf(
		"select id::text from %s.events where name = $1 and aggregate_id = $2", tenant.Tenant.SchemaName), name, userID).Scan(&id))
	return id
}

// mails are the addresses to which mails were sent, by their idempotency keys.
var mails sync.Map //nolint:gochecknoglobals // a worker of one test may work the job of another

// startWorker works jobs until the test ends.
func startWorker(t *testing.T) {
	t.Helper()
	require.NoError(t, migrated())
	cluster := apptest.Clusters().Home()
	send := func(_ context.Context, key string, to welcome.Recipient) error {
		mails.Store(key, to.Email)
		return nil
	}
	client, err := jobs.NewWorker(cluster, kinds(cluster, send), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, client.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, client.Stop(ctx))
	})
}

// awaitState waits until a job is in a state.
func awaitState(t *testing.T, id int64, want string) {
	t.Helper()
	var state string
	require.Eventually(t, func() bool {
		err := apptest.Superuser(t).QueryRow(t.Context(), "select state::text from jobs.river_job where id = $1", id).Scan(&state)
		return err == nil && state == want
	}, 20*time.Second, 20*time.Millisecond, "job %d is %s and not %s", id, &state, want)
}
