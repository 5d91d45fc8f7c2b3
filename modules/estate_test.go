package modules_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// estate is a tenant with something of everything that a tenant can have. Every text in it holds the
// tenant's slug, so that it is known again wherever it appears.
type estate struct {
	*apptest.Tenant

	// UserID and Email are a user's.
	UserID, Email string
	// EventID is of that user's first event, and DeadID of another event, which failed at the handler
	// "broker" for good.
	EventID, DeadID string
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{Tenant: apptest.New(t)}
	e.Email = "ada@" + e.Slug + ".example"
	e.UserID = e.newUser(t, e.Email)
	e.Settle(t)
	scan(t, &e.EventID, "select id::text from "+e.table("events")+" where aggregate_id = $1", e.UserID)
	scan(t, &e.DeadID, "select id::text from "+e.table("events")+" where aggregate_id = $1", e.OwnerID)
	e.kill(t, e.DeadID)
	return e
}

// table is the full name of one of its tables.
func (e *estate) table(name string) string {
	return relation{Schema: e.Tenant.Tenant.SchemaName, Name: name}.String()
}

// newUser makes a user over HTTP and returns the id.
func (e *estate) newUser(t *testing.T, email string) string {
	t.Helper()
	var user struct{ ID string }
	e.Client(t, tenants.Admin).Post(t, "/v1/users", map[string]string{
		"email": email, "name": "Ada of " + e.Slug, "role": "member",
	}).Require(t, http.StatusCreated).JSON(t, &user)
	return user.ID
}

// freshEmail is an address that no user has.
func (e *estate) freshEmail() string { return "u" + uuid.NewString()[:13] + "@" + e.Slug + ".example" }

// kill makes a published event one that failed for good, which a broker does only with an event that
// is too large for it.
func (e *estate) kill(t *testing.T, eventID string) {
	t.Helper()
	_, err := apptest.Superuser(t).Exec(t.Context(), fmt.Sprintf(`
		with dead as (update %s m set status = 'failed', published_at = null, lock_version = lock_version + 1
			from %s e where e.id = $1 and m.seq = e.seq returning e.*)
		insert into %s (seq, event_id, handler, aggregate_type, aggregate_id, status, attempts, next_attempt_at, last_error, created_at)
		select seq, id, 'broker', aggregate_type, aggregate_id, 'failed', 12, now(), 'too large for ' || $2, now() from dead`,
		e.table("outbox_messages"), e.table("events"), e.table("deliveries")), eventID, e.Slug)
	require.NoError(t, err)
}

// snapshot is all that the servers hold of the tenant, but what a worker notes about its own visits.
func (e *estate) snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range relations(t, e.Tenant.Tenant.SchemaName) {
		query := "select count(*) || ' ' || coalesce(md5(string_agg(x::text, ',' order by x::text)), '') from " + r.String() + " x"
		if r.sequence() {
			query = "select last_value || ' ' || is_called from " + r.String()
		}
		var held string
		scan(t, &held, query)
		all[r.Name] = held
	}
	for name, key := range map[string]string{
		"control.tenants": "id", "control.slugs": "tenant_id", "control.events": "tenant_id", "dispatch.tenants": "tenant_id",
	} {
		all[name] = strings.Join(texts(t, "select x::text from "+name+" x where "+key+" = $1 order by 1", e.Tenant.Tenant.ID), "\n")
	}
	return all
}

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// marks are texts that nobody but this tenant has: its names, and every id in every row of every table.
func (e *estate) marks(t *testing.T) []string {
	t.Helper()
	tenant := e.Tenant.Tenant
	marks := []string{tenant.ID, tenant.Slug, tenant.SchemaName}
	for _, r := range relations(t, tenant.SchemaName) {
		if r.sequence() {
			continue
		}
		for _, row := range texts(t, "select x::text from "+r.String()+" x") {
			marks = append(marks, uuidPattern.FindAllString(row, -1)...)
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

// requireNoTrace fails the test when an answer holds a mark that the request did not hold.
func requireNoTrace(t *testing.T, marks []string, sent, got string) {
	t.Helper()
	for _, mark := range marks {
		if !strings.Contains(sent, mark) {
			require.NotContains(t, got, mark, "answer to %s", sent)
		}
	}
}

// scan reads one value as the superuser.
func scan(t *testing.T, into any, query string, args ...any) {
	t.Helper()
	require.NoError(t, apptest.Superuser(t).QueryRow(t.Context(), query, args...).Scan(into), query)
}
