package modules_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// call is one request. Headers are name and value in turn.
type call struct {
	method, path string
	body         any
	headers      []string
}

// do sends the call.
func (c call) do(t *testing.T, client *apptest.Client, headers ...string) apptest.Response {
	t.Helper()
	return client.Do(t, c.method, c.path, c.body, append(slices.Clone(c.headers), headers...)...)
}

// String is all that the call sends.
func (c call) String() string { return fmt.Sprint(c.method, " ", c.path, " ", c.body, " ", c.headers) }

// subject is what a call is about: things of one tenant.
type subject struct {
	*estate

	// User is a user in version 1, and FreeEmail the address of a user to be.
	User, FreeEmail string
}

// existing is what an estate has: a call about it changes the estate, if it is allowed to.
func existing(e *estate) subject {
	return subject{estate: e, User: e.UserID, FreeEmail: e.Tenant.Tenant.OwnerEmail}
}

// spare is a new user of an estate, for a call that changes one.
func spare(t *testing.T, e *estate) subject {
	t.Helper()
	return subject{estate: e, User: e.newUser(t, e.freshEmail()), FreeEmail: e.freshEmail()}
}

// rule is what an operation answers to whom.
type rule struct {
	// about makes a valid call.
	about func(s subject) call
	// member, auditor, admin and operator are the statuses for the tenant's own roles and the operator.
	member, auditor, admin, operator int
	// foreign is what another tenant's admin is answered, who asks for the same.
	foreign int
}

const version1 = `"1"`

// rules say who may do what. An operation that is not here fails the tests.
func rules() map[string]rule {
	all := userRules()
	maps.Copy(all, eventRules())
	maps.Copy(all, operatorRules())
	return all
}

func userRules() map[string]rule {
	reads := rule{member: 200, auditor: 200, admin: 200, operator: 403}
	writes := rule{member: 403, auditor: 403, admin: 200, operator: 403, foreign: 404}
	return map[string]rule{
		"list-users": reads.with(200, func(s subject) call {
			return call{method: http.MethodGet, path: "/v1/users?limit=10&status=active&email=" + s.Email}
		}),
		"get-user": reads.with(404, func(s subject) call { return call{method: http.MethodGet, path: "/v1/users/" + s.User} }),
		"create-user": {member: 403, auditor: 403, admin: 201, operator: 403, foreign: 201, about: func(s subject) call {
			return call{method: http.MethodPost, path: "/v1/users", body: map[string]any{"email": s.FreeEmail, "name": "New", "role": "member"}}
		}},
		"change-user": writes.with(404, func(s subject) call {
			return call{http.MethodPatch, "/v1/users/" + s.User, map[string]any{"name": "Changed"}, []string{"If-Match", version1}}
		}),
		"disable-user": writes.with(404, changing(http.MethodPost, "/disable")),
		"enable-user":  writes.with(404, changing(http.MethodPost, "/enable")),
		"delete-user":  {member: 403, auditor: 403, admin: 204, operator: 403, foreign: 404, about: changing(http.MethodDelete, "")},
	}
}

// changing is a call without a body that changes a user in version 1.
func changing(method, verb string) func(subject) call {
	return func(s subject) call {
		return call{method: method, path: "/v1/users/" + s.User + verb, headers: []string{"If-Match", version1}}
	}
}

func eventRules() map[string]rule {
	audits := rule{member: 403, auditor: 200, admin: 200, operator: 403}
	return map[string]rule{
		"list-events": audits.with(200, func(s subject) call {
			return call{method: http.MethodGet, path: "/v1/events?name=User.created&aggregate_type=User&aggregate_id=" + s.UserID +
				"&actor_id=" + s.OwnerID + "&status=published&from=2020-01-01T00:00:00Z&to=2120-01-01T00:00:00Z&limit=10"}
		}),
		"get-event": audits.with(404, func(s subject) call { return call{method: http.MethodGet, path: "/v1/events/" + s.EventID} }),
		"get-event-timeline": audits.with(404, func(s subject) call {
			return call{method: http.MethodGet, path: "/v1/events/" + s.EventID + "/timeline"}
		}),
	}
}

// operatorRules are about tenants as a whole, so no tenant's token opens them, its own as little as
// another's.
func operatorRules() map[string]rule {
	all := map[string]func(subject) call{
		"list-tenants": func(subject) call {
			return call{method: http.MethodGet, path: "/admin/v1/tenants?limit=10&status=active&cluster=main"}
		},
		"outbox-status": func(subject) call { return call{method: http.MethodGet, path: "/admin/v1/outbox?limit=10"} },
		"onboard-tenant": func(s subject) call {
			return call{method: http.MethodPost, path: "/admin/v1/tenants", body: s.onboarding()}
		},
		"get-tenant": func(s subject) call { return call{method: http.MethodGet, path: s.address("")} },
		"change-tenant": func(s subject) call {
			etag := fmt.Sprintf("%q", fmt.Sprint(s.Tenant.Tenant.LockVersion))
			return call{http.MethodPatch, s.address(""), map[string]any{"weight": 2}, []string{"If-Match", etag}}
		},
		"explain-event": func(s subject) call {
			return call{method: http.MethodGet, path: s.address("/events/" + s.DeadID + "/timeline")}
		},
		"list-deliveries": func(s subject) call {
			return call{method: http.MethodGet, path: s.address("/deliveries?status=failed&handler=broker&limit=10")}
		},
		"list-attempts": func(s subject) call {
			return call{method: http.MethodGet, path: s.address("/deliveries/" + s.DeadID + "/attempts?limit=10")}
		},
		"list-handlers": func(subject) call { return call{method: http.MethodGet, path: "/admin/v1/handlers"} },
		"pause-handler": func(subject) call {
			return call{method: http.MethodPost, path: "/admin/v1/handlers/" + probe + "/pause"}
		},
		"resume-handler": func(subject) call {
			return call{method: http.MethodPost, path: "/admin/v1/handlers/" + probe + "/resume"}
		},
		"replay-deliveries": func(s subject) call {
			return call{method: http.MethodPost, path: s.address("/deliveries/replay"), body: map[string]any{"event_ids": []string{s.DeadID}}}
		},
		"skip-delivery": func(s subject) call {
			return call{method: http.MethodPost, path: s.address("/deliveries/skip"), body: map[string]any{"event_id": s.DeadID, "handler": "broker"}}
		},
		"republish-events": func(s subject) call {
			return call{method: http.MethodPost, path: s.address("/outbox/republish"), body: map[string]any{"since": "2020-01-01T00:00:00Z"}}
		},
	}
	for id, verb := range map[string]string{
		"suspend-tenant": "/suspend", "resume-tenant": "/resume", "offboard-tenant": "/offboard",
		"pause-outbox": "/outbox/pause", "resume-outbox": "/outbox/resume",
	} {
		all[id] = func(s subject) call { return call{method: http.MethodPost, path: s.address(verb)} }
	}
	found := map[string]rule{}
	for id, about := range all {
		found[id] = rule{about: about, member: 403, auditor: 403, admin: 403, operator: 200, foreign: 403}
	}
	return found
}

func (r rule) with(foreign int, about func(subject) call) rule {
	r.foreign, r.about = foreign, about
	return r
}

// status is what a role is answered that asks for its own tenant's things.
func (r rule) status(role tenants.Role) int {
	switch role {
	case tenants.Member:
		return r.member
	case tenants.Auditor:
		return r.auditor
	case tenants.Admin:
		return r.admin
	default:
		return r.operator
	}
}

// address is a tenant's place in the operators' API.
func (e *estate) address(rest string) string { return "/admin/v1/tenants/" + e.Slug + rest }

// onboarding is the request that made the tenant.
func (e *estate) onboarding() map[string]any {
	return map[string]any{
		"slug": e.Slug, "name": e.Tenant.Tenant.Name,
		"owner": map[string]any{"email": e.Tenant.Tenant.OwnerEmail, "name": e.Tenant.Tenant.OwnerName},
	}
}

// requireRules checks that the rules name every operation of the document and nothing else.
func requireRules(t *testing.T, d document) map[string]*operation {
	t.Helper()
	operations := d.operations(t)
	require.ElementsMatch(t, slices.Collect(maps.Keys(operations)), slices.Collect(maps.Keys(rules())),
		"an operation that is new needs its rule here")
	for id, r := range rules() {
		require.Equal(t, operations[id].operator(), r.operator == http.StatusOK, id)
	}
	return operations
}
