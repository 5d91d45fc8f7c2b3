package modules_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

var errWork = errors.New("the work failed")

// work is one use of a scope, which ends in some way.
type work func(ctx context.Context, cancel context.CancelFunc, scope *tenants.Scope) error

// works are the ways in which a scope is used and left.
func works() map[string]work {
	transact := func(end func(ctx context.Context, cancel context.CancelFunc, tx *tenants.Tx) error) work {
		return func(ctx context.Context, cancel context.CancelFunc, scope *tenants.Scope) error {
			return scope.Transact(ctx, func(tx *tenants.Tx) error {
				if err := tx.DB.Exec("update users set name = name").Error; err != nil {
					return err
				}
				return end(ctx, cancel, tx)
			})
		}
	}
	pipeline := func(read func(pgx.Rows) error, statements ...string) work {
		return func(ctx context.Context, _ context.CancelFunc, scope *tenants.Scope) error {
			all := []tenants.Statement{{SQL: "select email from users", Read: read}}
			for _, sql := range statements {
				all = append(all, tenants.Statement{SQL: sql})
			}
			return scope.Pipeline(ctx, all...)
		}
	}
	guarded := func(guard string) work {
		return func(ctx context.Context, _ context.CancelFunc, scope *tenants.Scope) error {
			return scope.Guarded(tenants.Statement{SQL: guard}).Transact(ctx, func(*tenants.Tx) error { return errWork })
		}
	}
	return map[string]work{
		"commit":  transact(func(context.Context, context.CancelFunc, *tenants.Tx) error { return nil }),
		"failure": transact(func(context.Context, context.CancelFunc, *tenants.Tx) error { return errWork }),
		"panic":   transact(func(context.Context, context.CancelFunc, *tenants.Tx) error { panic(errWork) }),
		"abort": transact(func(_ context.Context, _ context.CancelFunc, tx *tenants.Tx) error {
			return tx.DB.Exec("select 1/0").Error
		}),
		"cancel":   transact(func(_ context.Context, cancel context.CancelFunc, _ *tenants.Tx) error { cancel(); return nil }),
		"deadline": transact(func(ctx context.Context, _ context.CancelFunc, tx *tenants.Tx) error { return sleep(ctx, tx) }),
		"rows left open": transact(func(_ context.Context, _ context.CancelFunc, tx *tenants.Tx) error {
			rows, err := tx.DB.Raw("select generate_series(1, 100000)").Rows()
			if err != nil {
				return err
			}
			rows.Next()
			return errors.Join(rows.Err(), errWork)
		}),
		"rows left open, unnoticed": transact(func(_ context.Context, _ context.CancelFunc, tx *tenants.Tx) error {
			rows, err := tx.DB.Raw("select generate_series(1, 100000)").Rows()
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Err()
		}),
		"pipeline":              pipeline(func(pgx.Rows) error { return nil }, "update users set name = name"),
		"pipeline, failed":      pipeline(func(pgx.Rows) error { return nil }, "select 1/0", "select 1"),
		"pipeline, read failed": pipeline(func(pgx.Rows) error { return errWork }, "select 1"),
		"pipeline, panic":       pipeline(func(pgx.Rows) error { panic(errWork) }, "select 1"),
		"guarded":               guarded("select pg_advisory_xact_lock(7)"),
		"guard refused":         guarded("select 1/0"),
		"guard goes astray":     guarded("set local role none"),
	}
}

// sleep is cut off in the middle of a statement.
func sleep(ctx context.Context, tx *tenants.Tx) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	return tx.DB.WithContext(ctx).Exec("select pg_sleep(10)").Error
}

// TestOneConnectionServesTenantsInTurnsWhateverHappens uses one connection for three tenants, in random
// turns that end in every way, and looks at the connection after each.
func TestOneConnectionServesTenantsInTurnsWhateverHappens(t *testing.T) {
	t.Parallel()
	cluster := openSingle(t)
	all := []*estate{newEstate(t), newEstate(t), newEstate(t)}
	random := rand.New(rand.NewPCG(1, 2))
	clean := sessionOf(t, cluster)
	for range 12 {
		for name, use := range works() {
			e := all[random.IntN(len(all))]
			run(t, use, cluster.Scope(e.Tenant.Tenant.Placement()))
			next := all[random.IntN(len(all))]
			requireOwnRows(t, cluster, next)
			after := sessionOf(t, cluster)
			clean.PID = after.PID // a connection that could not be cleaned was closed
			require.Equal(t, clean, after, "%s of %s, then %s", name, e.Slug, next.Slug)
		}
	}
}

func run(t *testing.T, use work, scope *tenants.Scope) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() { _ = recover() }()
	_ = use(ctx, cancel, scope)
}

// TestAPoolOfOneConnectionAnswersEachTenantItsOwn is the same over HTTP: an API process with one
// connection for all tenants, whose clients come at once, and every other one goes in the middle.
func TestAPoolOfOneConnectionAnswersEachTenantItsOwn(t *testing.T) {
	t.Parallel()
	const clients, requests = 3, 12
	p := startAPI(t, func(s *config.Settings) { s.DatabasePoolSize = 1 })
	one, other := newEstate(t), newEstate(t)
	var all sync.WaitGroup
	for _, pair := range [][2]*estate{{one, other}, {other, one}} {
		own, token, theirs := pair[0], pair[0].Token(t, tenants.Admin), pair[1].marks(t)
		for client := range clients {
			all.Go(func() {
				for n := range requests {
					body := fmt.Sprintf(`{"email":"c%d-%d@%s.example","name":"Ada of %s","role":"member"}`, client, n, own.Slug, own.Slug)
					got := p.impatient(t, token, http.MethodPost, "/v1/users", body, n%2 == 1)
					requireAnswer(t, got, theirs, http.StatusCreated)
					requireAnswer(t, p.impatient(t, token, http.MethodGet, "/v1/users", "", n%2 == 1), theirs, http.StatusOK)
				}
			})
		}
	}
	all.Wait()
	onboarded, err := send(t.Context(), p.client, http.MethodPost, p.URL()+"/admin/v1/tenants", apptest.OperatorToken(t),
		`{"slug":"`+apptest.NewSlug()+`","name":"N","owner":{"email":"a@b.example"}}`)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, onboarded.status, "no operation needs two connections at once: %s", onboarded.body)
	for _, e := range []*estate{one, other} {
		require.Empty(t, texts(t, "select email from "+e.table("users")+" where email not like '%@"+e.Slug+".example'"))
		e.Settle(t)
	}
}

// impatient sends a request, and goes away after a moment if it is told to.
func (p *process) impatient(t *testing.T, token, method, path, body string, goes bool) answer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if goes {
		timer := time.AfterFunc(time.Duration(rand.IntN(8))*time.Millisecond, cancel)
		defer timer.Stop()
	}
	got, err := send(ctx, p.client, method, p.URL()+path, token, body)
	if err != nil && !goes {
		t.Error(err)
	}
	return got
}

// requireAnswer checks an answer that came, from any goroutine.
func requireAnswer(t *testing.T, got answer, theirs []string, status int) {
	t.Helper()
	if got.body != "" && got.status != status {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for _, mark := range theirs {
		if strings.Contains(got.body, mark) {
			t.Errorf("the answer holds another tenant's %s", mark)
		}
	}
}
