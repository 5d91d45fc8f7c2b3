package modules_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// tenantRoles are the roles that a tenant's token can have.
func tenantRoles() []tenants.Role {
	return []tenants.Role{tenants.Member, tenants.Auditor, tenants.Admin}
}

// TestEveryOperationAsEveryRole asks for a tenant's own things.
func TestEveryOperationAsEveryRole(t *testing.T) {
	t.Parallel()
	own := newEstate(t)
	for id, op := range requireRules(t, readDocument(t)) {
		r := rules()[id]
		for _, role := range tenantRoles() {
			got := r.about(spare(t, own)).do(t, own.Client(t, role))
			require.Equal(t, r.status(role), got.Status, "%s as %s: %s", id, role, got.Body)
			requireForbidden(t, got)
		}
		managed := own
		if op.operator() && op.method != http.MethodGet {
			managed = newEstate(t) // it may be gone afterwards
		}
		got := r.about(existing(managed)).do(t, apptest.OperatorClient(t))
		require.Equal(t, r.operator, got.Status, "%s as operator: %s", id, got.Body)
		requireForbidden(t, got)
	}
}

func requireForbidden(t *testing.T, got apptest.Response) {
	t.Helper()
	if got.Status == http.StatusForbidden {
		require.Equal(t, "forbidden", got.Code(t))
	}
}

// TestEveryOperationAsTheWrongTenant asks for another tenant's things, in every role, and looks whether
// anything of it was answered or changed.
func TestEveryOperationAsTheWrongTenant(t *testing.T) {
	t.Parallel()
	attacker, victim := newEstate(t), newEstate(t)
	before, marks := victim.snapshot(t), victim.marks(t)
	for id := range requireRules(t, readDocument(t)) {
		r := rules()[id]
		c := r.about(existing(victim))
		for _, role := range tenantRoles() {
			want := r.foreign
			if r.status(role) == http.StatusForbidden {
				want = http.StatusForbidden
			}
			got := c.do(t, attacker.Client(t, role))
			require.Equal(t, want, got.Status, "%s as %s: %s", id, role, got.Body)
			requireNoTrace(t, marks, c.String(), fmt.Sprint(string(got.Body), got.Header))
			if want == http.StatusOK {
				require.Contains(t, string(got.Body), `"items":[]`, id)
			}
		}
		require.Equal(t, before, victim.snapshot(t), id)
	}
}

// TestEveryInputWithAnothersNames puts every name and id of another tenant into every text of every
// operation, which needs no rule: a new input is found by itself.
func TestEveryInputWithAnothersNames(t *testing.T) {
	t.Parallel()
	victim := newEstate(t)
	before, marks := victim.snapshot(t), victim.marks(t)
	names := append(slices.Clone(marks), victim.Email, victim.Tenant.Tenant.OwnerEmail)
	d := readDocument(t)
	for id, op := range requireRules(t, d) {
		if op.operator() {
			continue // closed to tenants altogether
		}
		attacker, stored := newEstate(t), ""
		for _, in := range d.inputs(op) {
			for _, name := range names {
				c := in.put(rules()[id].about(existing(attacker)), name)
				if op.method != http.MethodGet {
					stored += name // it may be the attacker's own from now on
				}
				got := c.do(t, attacker.Client(t, tenants.Admin))
				require.Less(t, got.Status, http.StatusInternalServerError, "%s: %s", c, got.Body)
				requireNoTrace(t, marks, c.String()+stored, fmt.Sprint(string(got.Body), got.Header))
			}
		}
	}
	require.Equal(t, before, victim.snapshot(t))
}

// TestNothingButTheTokenNamesTheTenant names another tenant wherever a careless server might look.
func TestNothingButTheTokenNamesTheTenant(t *testing.T) {
	t.Parallel()
	own, other := newEstate(t), newEstate(t)
	before, marks := other.snapshot(t), other.marks(t)
	client := own.Client(t, tenants.Admin)
	headers := []string{
		"X-Tenant", other.Slug, "X-Tenant-Id", other.Tenant.Tenant.ID, "X-Tenant-Slug", other.Slug, "Tenant", other.Slug,
		"X-Tenantry-Tenant", other.Slug, "X-Schema", other.Tenant.Tenant.SchemaName, "X-Forwarded-Host", other.Slug + ".example.com",
		"Forwarded", "host=" + other.Slug, "Cookie", "tenant=" + other.Slug, "X-User-Id", other.OwnerID, "X-Roles", "operator",
		"X-Original-URL", other.address(""), "X-HTTP-Method-Override", http.MethodDelete,
	}
	for id := range requireRules(t, readDocument(t)) {
		r := rules()[id]
		c := r.about(spare(t, own))
		got := c.do(t, client, headers...)
		require.Equal(t, r.admin, got.Status, "%s: %s", id, got.Body)
		requireNoTrace(t, marks, "", fmt.Sprint(string(got.Body), got.Header))

		for _, name := range []string{"tenant", "tenant_id", "tenantId", "slug", "schema", "access_token"} {
			c := r.about(spare(t, own))
			c.path = addQuery(c.path, name, other.Slug)
			got := c.do(t, client)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, got.Status, "%s: %s", id, got.Body)
			if body, ok := c.body.(map[string]any); ok {
				c = r.about(spare(t, own))
				body = cloneWith(body, name, other.Slug)
				c.body = body
				got = c.do(t, client)
				require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusForbidden}, got.Status, "%s: %s", id, got.Body)
			}
		}
	}
	require.Equal(t, before, other.snapshot(t))
}

// TestAnOperatorsCallConcernsOneTenant: the slug decides, also where an event or a cursor is another's.
func TestAnOperatorsCallConcernsOneTenant(t *testing.T) {
	t.Parallel()
	one, other := newEstate(t), newEstate(t)
	before, marks := other.snapshot(t), other.marks(t)
	operator := apptest.OperatorClient(t)
	for _, c := range []call{
		{method: http.MethodPost, path: one.address("/deliveries/replay"), body: map[string]any{"event_ids": []string{other.DeadID}}},
		{method: http.MethodPost, path: one.address("/deliveries/skip"), body: map[string]any{"event_id": other.DeadID, "handler": "broker"}},
		{method: http.MethodGet, path: one.address("/events/" + other.DeadID + "/timeline")},
		{method: http.MethodPost, path: one.address("/deliveries/replay"), body: map[string]any{"event_ids": []string{one.DeadID, other.DeadID}}},
	} {
		got := c.do(t, operator).Require(t, http.StatusNotFound)
		require.Equal(t, "event_not_found", got.Code(t))
		requireNoTrace(t, marks, c.String(), string(got.Body))
	}
	for _, c := range []call{
		{method: http.MethodGet, path: one.address("/deliveries")},
		{method: http.MethodPost, path: one.address("/deliveries/replay"), body: map[string]any{"all": true}},
		{method: http.MethodPost, path: one.address("/outbox/republish"), body: map[string]any{"since": "2020-01-01T00:00:00Z"}},
		{method: http.MethodPost, path: one.address("/outbox/pause")},
		{method: http.MethodPost, path: one.address("/outbox/resume")},
		{method: http.MethodGet, path: one.address("")},
	} {
		requireNoTrace(t, marks, c.String(), string(c.do(t, operator).Require(t, http.StatusOK).Body))
	}
	one.Settle(t)
	require.Equal(t, before, other.snapshot(t))
}

// TestNoSpellingOfAnAddressGoesAroundTheToken asks without a token for addresses that a careless router
// takes for protected ones after the check.
func TestNoSpellingOfAnAddressGoesAroundTheToken(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	w := dial(t)
	for _, protected := range []string{"/v1/users", "/v1/users/" + e.UserID, "/v1/events", "/admin/v1/tenants", "/admin/v1/outbox"} {
		for _, path := range []string{
			protected, protected + "/", "/" + protected, "//" + protected, "/." + protected, "/x/.." + protected, "/%2e" + protected,
			"/docs/.." + protected, "/docs/..%2f" + protected[1:], "/openapi.json/.." + protected, "/healthz/../" + protected, "/docs//.." + protected,
			strings.ToUpper(protected), strings.Replace(protected, "/v1", "/V1", 1), strings.Replace(protected, "v", "%76", 1),
			strings.Replace(protected, "/v1", "/v1;x=y", 1), strings.ReplaceAll(protected, "/", "\\"), protected + "%00", protected + "?",
			"http://127.0.0.1" + protected, "http://x@127.0.0.1" + protected, protected + "#", "*", "/v1/./users", "/v1//users", "/v1/%2e/users",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodTrace, "get", "PRI"} {
				got := w.send(t, method, path, nil, nil)
				require.NotContains(t, got.body, e.Slug, "%s %s", method, path)
				require.Contains(t, []int{400, 401, 404, 405, 501}, got.status, "%s %s: %s", method, path, got.body)
			}
		}
	}
}

func addQuery(path, name, value string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + url.QueryEscape(name) + "=" + url.QueryEscape(value)
}

func cloneWith(body map[string]any, name string, value any) map[string]any {
	cloned := map[string]any{name: value}
	for key, kept := range body {
		if key != name {
			cloned[key] = kept
		}
	}
	return cloned
}
