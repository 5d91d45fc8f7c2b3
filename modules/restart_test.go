package modules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// load is clients that do not stop, and what they were answered.
type load struct {
	client *http.Client
	cancel context.CancelFunc
	ended  sync.WaitGroup
	// written counts the users that were made.
	written atomic.Int64

	mu       sync.Mutex
	made     map[*estate][]string
	statuses map[int]int
	wrong    []string
}

// TestPostgreSQLRestartsInTheMiddleOfRequests ends the server under load, as a crash would, and starts it
// again. Clients are told to come again and are never told anything wrong, and whatever was committed is
// published, once. It does not run beside other tests, because the server is theirs too.
func TestPostgreSQLRestartsInTheMiddleOfRequests(t *testing.T) { //nolint:paralleltest // see above
	all := []*estate{newEstate(t), newEstate(t), newEstate(t)}
	l := startLoad(t, all)
	for range 2 {
		l.awaitWritten(t, 30)
		require.NoError(t, apptest.Postgres().Restart(t.Context()))
	}
	l.awaitWritten(t, 30)
	l.stop()
	reconnect(t)
	t.Log("answers by status:", l.statuses)
	require.Empty(t, l.wrong)
	require.Positive(t, l.statuses[http.StatusServiceUnavailable], "the load noticed")
	for _, e := range all {
		e.Settle(t)
		users := texts(t, "select id::text from "+e.table("users"))
		require.Subset(t, users, l.made[e], "whoever was answered 201 is there")
		require.ElementsMatch(t, texts(t, "select id::text from "+e.table("events")), publishedIDs(t, e), "each event once")
		require.Len(t, texts(t, "select e.id::text from "+e.table("events")+" e where e.name = 'User.created'"), len(users))
	}
}

// startLoad lets each tenant have clients that write and one that reads.
func startLoad(t *testing.T, all []*estate) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, cancel: cancel,
		made: map[*estate][]string{}, statuses: map[int]int{},
	}
	t.Cleanup(l.stop)
	for n, e := range all {
		token, others := e.Token(t, tenants.Admin), otherSlugs(all, n)
		for client := range 2 {
			l.ended.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					l.write(ctx, e, token, fmt.Sprintf("c%d-%d@%s.example", client, i, e.Slug))
				}
			})
		}
		l.ended.Go(func() {
			for ctx.Err() == nil {
				l.read(ctx, token, others)
			}
		})
	}
	return l
}

func otherSlugs(all []*estate, n int) (slugs []string) {
	for i, e := range all {
		if i != n {
			slugs = append(slugs, e.Slug)
		}
	}
	return slugs
}

func (l *load) write(ctx context.Context, e *estate, token, email string) {
	got, err := send(ctx, l.client, http.MethodPost, apptest.URL()+"/v1/users", token, `{"email":"`+email+`","name":"Ada","role":"member"}`) //nolint:contextcheck // where the program listens needs none
	if !l.note(ctx, got, err, http.StatusCreated) {
		return
	}
	var user struct{ ID string }
	if err := json.Unmarshal([]byte(got.body), &user); err != nil {
		l.complain("no user: " + got.body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made[e] = append(l.made[e], user.ID)
	l.written.Add(1)
}

func (l *load) read(ctx context.Context, token string, others []string) {
	got, err := send(ctx, l.client, http.MethodGet, apptest.URL()+"/v1/users?limit=20", token, "") //nolint:contextcheck // where the program listens needs none
	if !l.note(ctx, got, err, http.StatusOK) {
		return
	}
	if slices.ContainsFunc(others, func(slug string) bool { return strings.Contains(got.body, slug) }) {
		l.complain("another tenant's users: " + got.body)
	}
}

// note counts an answer, reports whether it is the good one, and complains about what is neither that nor
// the request to come again.
func (l *load) note(ctx context.Context, got answer, err error, good int) bool {
	if err != nil {
		if ctx.Err() == nil {
			l.complain(err.Error())
		}
		return false
	}
	l.mu.Lock()
	l.statuses[got.status]++
	l.mu.Unlock()
	if got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "" {
		rest(ctx)
		return false
	}
	if got.status != good {
		l.complain(fmt.Sprint(got.status, " ", got.body))
	}
	return got.status == good
}

// rest is far shorter than what clients are asked for, to keep the test short.
func rest(ctx context.Context) {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (l *load) complain(wrong string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, wrong)
}

// awaitWritten waits until so many more users were made.
func (l *load) awaitWritten(t *testing.T, more int64) {
	t.Helper()
	target := l.written.Load() + more
	require.Eventually(t, func() bool { return l.written.Load() >= target }, patience, interval)
}

func (l *load) stop() {
	l.cancel()
	l.ended.Wait()
	l.client.CloseIdleConnections()
}

// reconnect drops every connection to the server that was, so that no other test meets one.
func reconnect(t *testing.T) {
	t.Helper()
	owner, err := apptest.Clusters().Owner("main")
	require.NoError(t, err)
	apptest.Superuser(t).Reset()
	apptest.Clusters().Home().Pool().Reset()
	owner.Pool().Reset()
}
