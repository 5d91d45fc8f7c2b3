package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/tenantry/tenantry/tenants"
)

// fewest and most bound how many users a client keeps in a tenant.
const fewest, most = 2, 5

// writer is one client. It writes one change after the other, each on the version that it saw last.
type writer struct {
	load   *load
	dice   *rand.Rand
	number int
	made   int
	people map[string][]*person // by tenant
}

func newWriter(l *load, number int) *writer {
	dice := rand.New(rand.NewPCG(l.world.config.Seed, uint64(number)+1)) //nolint:gosec // what it writes repeats itself
	return &writer{load: l, dice: dice, number: number, people: map[string][]*person{}}
}

// person is a user that the writer made.
type person struct {
	id       string
	version  int64
	disabled bool
	// doubtful means that the outcome of the last write is not known.
	doubtful bool
}

// reply is what the API answered.
type reply struct {
	status int
	body   struct {
		ID string `json:"id"`
		// Status is a user's, or the number of a problem.
		Status      any    `json:"status"`
		LockVersion int64  `json:"lock_version"`
		Code        string `json:"code"`
	}
}

// write makes one change in one tenant.
func (w *writer) write(ctx context.Context) {
	all := w.load.world.all()
	tenant := all[w.dice.IntN(len(all))]
	mine := w.people[tenant.ID]
	roll := w.dice.IntN(100)
	if len(mine) < fewest || len(mine) < most && roll < 20 {
		w.create(ctx, tenant)
		return
	}
	p := mine[w.dice.IntN(len(mine))]
	if p.doubtful && !w.lookUp(ctx, tenant, p) {
		return
	}
	switch {
	case roll < 80:
		w.change(ctx, tenant, p, http.MethodPatch, "", map[string]string{"name": w.name()})
	case roll < 95 && p.disabled:
		w.change(ctx, tenant, p, http.MethodPost, "/enable", nil)
	case roll < 95:
		w.change(ctx, tenant, p, http.MethodPost, "/disable", nil)
	default:
		w.change(ctx, tenant, p, http.MethodDelete, "", nil)
	}
}

func (w *writer) name() string {
	w.made++
	return fmt.Sprintf("Client %d write %d", w.number, w.made)
}

func (w *writer) create(ctx context.Context, tenant tenants.Tenant) {
	name := w.name()
	email := fmt.Sprintf("c%d-%d@%s.example", w.number, w.made, tenant.Slug)
	r, err := w.call(ctx, tenant, http.MethodPost, "", 0, map[string]string{"email": email, "name": name, "role": "member"})
	if !w.judge(r, err, http.StatusCreated, "create in "+tenant.Slug) {
		return // if it was made after all, nobody changes it any more
	}
	w.people[tenant.ID] = append(w.people[tenant.ID], &person{id: r.body.ID, version: r.body.LockVersion})
	w.load.acknowledge(write{Tenant: tenant.ID, Aggregate: "User/" + r.body.ID, Version: r.body.LockVersion})
}

func (w *writer) change(ctx context.Context, tenant tenants.Tenant, p *person, method, verb string, body any) {
	r, err := w.call(ctx, tenant, method, "/"+p.id+verb, p.version, body)
	want := http.StatusOK
	if method == http.MethodDelete {
		want = http.StatusNoContent
	}
	what := fmt.Sprintf("%s %s of %s in version %d", method, verb, tenant.Slug, p.version)
	if !w.judge(r, err, want, what) {
		p.doubtful = r.status != http.StatusForbidden
		return
	}
	if method == http.MethodDelete {
		r.body.LockVersion = p.version + 1
		w.forget(tenant, p)
	}
	p.version, p.disabled = r.body.LockVersion, r.body.Status == "disabled"
	w.load.acknowledge(write{Tenant: tenant.ID, Aggregate: "User/" + p.id, Version: p.version})
}

// lookUp learns what became of the last write, and reports whether the user is there to go on with.
func (w *writer) lookUp(ctx context.Context, tenant tenants.Tenant, p *person) bool {
	r, err := w.call(ctx, tenant, http.MethodGet, "/"+p.id, 0, nil)
	switch {
	case err == nil && r.status == http.StatusNotFound: // the write was the deletion
		w.forget(tenant, p)
		return false
	case !w.judge(r, err, http.StatusOK, "look up in "+tenant.Slug):
		return false
	case r.body.LockVersion < p.version || r.body.LockVersion > p.version+1:
		w.load.complainf("%s of %s is in version %d after one write on version %d", p.id, tenant.Slug, r.body.LockVersion, p.version)
	}
	p.version, p.disabled, p.doubtful = r.body.LockVersion, r.body.Status == "disabled", false
	return true
}

func (w *writer) forget(tenant tenants.Tenant, p *person) {
	w.people[tenant.ID] = slices.DeleteFunc(w.people[tenant.ID], func(other *person) bool { return other == p })
}

// judge reports whether the answer is the wanted one. What faults explain is counted: a tenant that is
// suspended, an answer that never came, and one that says that something is away.
func (w *writer) judge(r reply, err error, want int, what string) bool {
	switch {
	case err != nil, r.status == http.StatusServiceUnavailable:
		w.load.count(func(a *Answers) { a.Unknown++ })
	case r.status == want:
		return true
	case r.body.Code == "tenant_suspended":
		w.load.count(func(a *Answers) { a.Refused++ })
	default:
		w.load.complainf("%s: %d %s", what, r.status, r.body.Code)
	}
	return false
}

func (w *writer) call(ctx context.Context, tenant tenants.Tenant, method, path string, version int64, body any) (r reply, err error) {
	token, err := w.load.token(tenant)
	if err != nil {
		return r, err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return r, fmt.Errorf("encode a request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, w.load.world.api.URL()+"/v1/users"+path, bytes.NewReader(encoded))
	if err != nil {
		return r, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	if version > 0 {
		request.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(version)))
	}
	response, err := w.load.client.Do(request)
	if err != nil {
		return r, fmt.Errorf("send a request: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	r.status = response.StatusCode
	if err := json.NewDecoder(response.Body).Decode(&r.body); err != nil && !errors.Is(err, io.EOF) {
		return r, fmt.Errorf("read an answer: %w", err)
	}
	return r, nil
}
