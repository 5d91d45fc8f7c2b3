package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// clients is how many writers there are. Each has users of its own in every tenant, so that nobody else
// changes what it has seen.
const clients = 12

// Answers counts what the clients were told.
type Answers struct {
	// Acknowledged is writes that were said to be done.
	Acknowledged int `json:"acknowledged"`
	// Refused is writes that a suspended tenant's doors refused.
	Refused int `json:"refused"`
	// Unknown is requests that were answered with 503, or not at all: the tables tell what became of them.
	Unknown int `json:"unknown"`
	// Untold is writes that were done although nobody was told so.
	Untold int `json:"untold"`
	// Late is writes that were due while all clients still waited for answers, and were never made.
	Late int `json:"late"`
}

// load is clients that write at a steady rate through the API.
type load struct {
	world  *world
	client *http.Client

	mu      sync.Mutex
	answers Answers
	writes  []write
	// wrong are answers that no fault explains.
	wrong  *Check
	tokens map[string]string
}

func newLoad(w *world) *load {
	return &load{
		world: w, wrong: defect("clients: answers that no fault explains"), tokens: map[string]string{},
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}},
	}
}

// run writes until the context ends.
func (l *load) run(ctx context.Context, rate int) {
	defer l.client.CloseIdleConnections()
	due := make(chan struct{})
	var writing sync.WaitGroup
	for n := range clients {
		writing.Go(func() {
			w := newWriter(l, n)
			for range due {
				w.write(context.WithoutCancel(ctx)) // what was begun is finished, so that its outcome is known
			}
		})
	}
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-ticker.C:
		}
		select {
		case due <- struct{}{}:
		default:
			l.count(func(a *Answers) { a.Late++ })
		}
	}
	close(due)
	writing.Wait()
}

func (l *load) count(what func(a *Answers)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what(&l.answers)
}

func (l *load) acknowledge(done write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers.Acknowledged++
	l.writes = append(l.writes, done)
}

func (l *load) complainf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong.addf(format, args...)
}

// token is an admin's of the tenant.
func (l *load) token(tenant tenants.Tenant) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if token, ok := l.tokens[tenant.ID]; ok {
		return token, nil
	}
	token, err := tenants.Mint(l.world.settings.JWT, tenants.TokenRequest{
		Tenant: tenant.Slug, UserID: "chaos", Roles: []tenants.Role{tenants.Admin}, TTL: 24 * time.Hour, Now: time.Now(),
	})
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	l.tokens[tenant.ID] = token
	return token, nil
}
