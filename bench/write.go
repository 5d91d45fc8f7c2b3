package bench

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
	"github.com/tenantry/tenantry/tenants"
)

// writers is how many clients write at the same time, here and in pgbench.
const writers = 16

// signingKey is for this run only.
const signingKey = config.Secret("a key that signs the tokens of one benchmark")

const (
	pgbenchWrites = "write: pgbench, same SQL"
	postWrites    = "write: POST /v1/users"
)

func writeScenario() scenario {
	return scenario{
		name: "write",
		conditions: func(p plan) []string {
			return []string{fmt.Sprintf("%d clients for %s over all tenants in turns; pgbench runs the same statements in the "+
				"same round trips, the API verifies a token and checks the actor besides", writers, p.duration)}
		},
		round: writeRound,
	}
}

// writeRound writes users with pgbench and through the API, one after the other.
func writeRound(ctx context.Context, l *lab) error {
	l.written(l.tenants)
	beside := ""
	if program, found := l.clientProgram("pgbench"); found {
		rate, err := l.pgbench(ctx, program)
		if err != nil {
			return err
		}
		beside = pgbenchWrites
		l.add(pgbenchWrites, "tx/s", rate)
	}
	rate, err := l.postUsers(ctx)
	if err != nil {
		return err
	}
	l.compare(postWrites, "requests/s", beside, rate)
	return nil
}

// clientProgram finds one of PostgreSQL's own programs. What the program downloads for itself is the
// server alone.
func (l *lab) clientProgram(name string) (path string, found bool) {
	for _, path := range []string{filepath.Join(l.postgres.Programs(), name), name} {
		if path, err := exec.LookPath(path); err == nil {
			return path, true
		}
	}
	l.report.condition("nothing was measured with " + name + ", which is not installed")
	return "", false
}

// postUsers sends POST /v1/users to the real API for a while, over all tenants in turns, and returns
// the requests per second.
func (l *lab) postUsers(ctx context.Context) (float64, error) {
	settings := l.settings
	settings.Listen, settings.MetricsListen = "127.0.0.1:0", ""
	settings.JWT.Secret = signingKey
	process, err := app.Start(ctx, app.Config{Settings: settings, Build: modules.Build, API: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = process.Stop(context.WithoutCancel(ctx)) }()
	tokens := make([]string, len(l.tenants))
	for i, t := range l.tenants {
		tokens[i], err = tenants.Mint(settings.JWT, tenants.TokenRequest{
			Tenant: t.Slug, UserID: uuid.NewString(), Roles: []tenants.Role{tenants.Admin}, TTL: time.Hour, Now: time.Now(),
		})
		if err != nil {
			return 0, err
		}
	}
	// Every tenant is asked once before, so that caches and connections are as warm as pgbench's.
	if _, err := postFor(ctx, process.URL(), tokens, time.Duration(len(tokens))*5*time.Millisecond); err != nil {
		return 0, err
	}
	return postFor(ctx, process.URL(), tokens, l.plan.duration)
}

func postFor(ctx context.Context, url string, tokens []string, duration time.Duration) (float64, error) {
	client := &fasthttp.Client{MaxConnsPerHost: writers}
	var sent atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range writers {
		group.Go(func() error {
			for time.Since(began) < duration && ctx.Err() == nil {
				i := sent.Add(1)
				if err := postUser(client, url, tokens[int(i)%len(tokens)]); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	return float64(sent.Load()) / time.Since(began).Seconds(), err
}

func postUser(client *fasthttp.Client, url, token string) error {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(http.MethodPost)
	request.SetRequestURI(url + "/v1/users")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.SetContentType("application/json")
	request.SetBodyString(fmt.Sprintf(`{"email":"%s@example.com","name":"Ada Lovelace","role":"member"}`, uuid.NewString()))
	if err := client.Do(request, response); err != nil {
		return fmt.Errorf("post a user: %w", err)
	}
	if response.StatusCode() != http.StatusCreated {
		return fmt.Errorf("post a user: status %d: %s", response.StatusCode(), response.Body()) //nolint:err113 // for the terminal
	}
	return nil
}
