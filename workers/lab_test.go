package workers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// servers are a real PostgreSQL and a real JetStream, started once for the package.
var servers struct { //nolint:gochecknoglobals // TestMain has no other way to its tests
	postgres *embedded.Postgres
	broker   *embedded.NATS
	database atomic.Int64
}

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		os.Exit(runWorkerProcess())
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tenantry-workers-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system cleans up what is left
	servers.postgres, err = embedded.StartPostgres(context.Background(), embedded.PostgresConfig{Throwaway: true})
	if err != nil {
		panic(err)
	}
	servers.broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	code := m.Run()
	servers.broker.Stop()
	if err := servers.postgres.Stop(context.Background()); err != nil {
		panic(err)
	}
	return leaked(code)
}

// lab is a cluster of its own for one test: no other test's pool sees its tenants.
type lab struct {
	t         *testing.T
	database  string
	postgres  *embedded.Postgres
	clusters  *tenants.Clusters
	cluster   *tenants.Cluster
	service   *tenants.Service
	source    *outbox.Source
	superuser *pgxpool.Pool
	conn      *nats.Conn
	js        jetstream.JetStream
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOn(t, servers.postgres, servers.broker.URL())
}

// newLabOn is a lab on servers that the test may stop.
func newLabOn(t *testing.T, postgres *embedded.Postgres, brokerURL string) *lab {
	t.Helper()
	l := &lab{t: t, database: fmt.Sprintf("lab%d", servers.database.Add(1)), postgres: postgres}
	require.NoError(t, postgres.CreateDatabase(t.Context(), l.database))
	l.clusters = openClusters(t, postgres.URL("tenantry_app", l.database), postgres.URL("tenantry_owner", l.database))
	require.NoError(t, tenants.MigrateControl(t.Context(), l.clusters))
	l.cluster = l.clusters.Home()
	l.service = tenants.NewService(l.clusters, nil)
	l.source = outbox.NewSource(l.cluster)
	var err error
	l.superuser, err = pgxpool.New(t.Context(), postgres.URL("postgres", l.database))
	require.NoError(t, err)
	t.Cleanup(l.superuser.Close)
	l.conn, l.js = connect(t, brokerURL)
	return l
}

func openClusters(t *testing.T, appURL, ownerURL string) *tenants.Clusters {
	t.Helper()
	settings, err := config.Load(nil)
	require.NoError(t, err)
	settings.DatabaseURL, settings.OwnerDatabaseURL = appURL, ownerURL
	clusters, err := tenants.OpenClusters(settings, tenants.Options{})
	require.NoError(t, err)
	t.Cleanup(clusters.Close)
	return clusters
}

func connect(t *testing.T, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"events.>"}, Duplicates: 30 * time.Minute,
	})
	require.NoError(t, err)
	return conn, js
}

func operator() tenants.Actor {
	return tenants.Actor{UserID: "operator", Roles: []tenants.Role{tenants.Operator}}
}

// tenant onboards a fresh tenant.
func (l *lab) tenant() tenants.Tenant {
	l.t.Helper()
	slug := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	tenant, _, err := l.service.Onboard(l.t.Context(), operator(), tenants.OnboardRequest{
		Slug: slug, Name: slug, OwnerEmail: "owner@example.com", OwnerName: "Owner",
	})
	require.NoError(l.t, err)
	return tenant
}

func (l *lab) tenants(n int) []tenants.Tenant {
	l.t.Helper()
	all := make([]tenants.Tenant, n)
	for i := range all {
		all[i] = l.tenant()
	}
	return all
}

// thing is an aggregate of the tests: it lives in its events alone.
type thing struct{ aggregate.Root }

func (*thing) AggregateType() string { return "Thing" }
func (*thing) TableName() string     { return "things" }

// fill writes count events over as many aggregates, in turns, as a bulk load would.
func (l *lab) fill(tenant tenants.Tenant, count, aggregates int) {
	l.t.Helper()
	_, err := l.superuser.Exec(l.t.Context(), fmt.Sprintf(`
		with e as (
			insert into %[1]s.events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
			select gen_random_uuid(), 'Thing.changed', 'Thing', md5((i %% %[3]d)::text)::uuid,
			       coalesce(before.n, 0) + i / %[3]d + 1, 'tester', '', jsonb_build_object('n', i), clock_timestamp()
			from generate_series(0, %[2]d - 1) i
			left join (select aggregate_id, count(*) as n from %[1]s.events group by aggregate_id) before
			     on before.aggregate_id = md5((i %% %[3]d)::text)::uuid
			order by i
			returning seq, created_at)
		insert into %[1]s.outbox_messages (seq, created_at) select seq, created_at from e`,
		pgx.Identifier{tenant.SchemaName}.Sanitize(), count, aggregates))
	require.NoError(l.t, err)
}

// fast is a configuration whose waits fit a test.
func fast() workers.Config {
	return workers.Config{
		Slots: 4, LeaseTTL: 2 * time.Second, SweepPauseMin: 20 * time.Millisecond, SweepPauseMax: 40 * time.Millisecond,
		AbandonAfter: 50 * time.Millisecond, BreakerDelay: 50 * time.Millisecond,
		Retry: workers.RetryPolicy{MaxAttempts: 3, Base: 10 * time.Millisecond, Factor: 1.5, Max: 50 * time.Millisecond},
	}
}

// run starts a pool and returns how to stop it gracefully.
func (l *lab) run(config workers.Config, parts workers.Parts) (stop func()) {
	l.t.Helper()
	if parts.Cluster == nil {
		parts.Cluster = l.cluster
	}
	if parts.Source == nil {
		parts.Source = l.source
	}
	if parts.Publisher == nil {
		parts.Publisher = l.jetStream()
	}
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(l.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	pool, err := workers.New(config, parts)
	require.NoError(l.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(l.t, <-ended)
		})
	}
	l.t.Cleanup(stop)
	return stop
}

func (l *lab) jetStream() *outbox.JetStream {
	return outbox.NewJetStream(l.conn, l.js, 5*time.Second, func() {})
}

// count answers a question that counts, as the superuser.
func (l *lab) count(format string, args ...any) (n int) {
	l.t.Helper()
	require.NoError(l.t, l.superuser.QueryRow(l.t.Context(), fmt.Sprintf(format, args...)).Scan(&n))
	return n
}

func (l *lab) withStatus(tenant tenants.Tenant, status string) int {
	l.t.Helper()
	return l.count(`select count(*) from %s.outbox_messages where status = '%s'`, tenant.SchemaName, status)
}

// settled waits until a tenant has nothing left to publish.
func (l *lab) settled(tenant tenants.Tenant) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		return l.withStatus(tenant, "unpublished")+l.withStatus(tenant, "retrying") == 0
	}, 30*time.Second, 10*time.Millisecond, "tenant %s is not settled", tenant.Slug)
}

// recorder is a broker that remembers in memory what it took, and drops what it has already, as the real
// one does.
type recorder struct {
	mu     sync.Mutex
	events []workers.Event
	known  map[string]bool
	answer func(workers.Event) error
	times  map[string]time.Time
}

func (r *recorder) Publish(_ context.Context, events []workers.Event) []error {
	errs := make([]error, len(events))
	blocked := map[string]error{}
	for i, e := range events {
		if errs[i] = blocked[e.AggregateID]; errs[i] != nil {
			continue
		}
		if r.answer != nil {
			errs[i] = r.answer(e)
		}
		switch {
		case errors.Is(errs[i], workers.ErrOutage):
			blocked[e.AggregateID] = workers.ErrOutage
		case errs[i] != nil:
			blocked[e.AggregateID] = workers.ErrBehind
		}
		if errs[i] != nil {
			continue
		}
		r.take(e)
	}
	return errs
}

func (r *recorder) take(e workers.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.times == nil {
		r.times, r.known = map[string]time.Time{}, map[string]bool{}
	}
	if r.known[e.ID] {
		return
	}
	r.known[e.ID] = true
	r.events = append(r.events, e)
	if _, ok := r.times[e.TenantID]; !ok {
		r.times[e.TenantID] = time.Now()
	}
}

func (r *recorder) taken() []workers.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]workers.Event(nil), r.events...)
}

func (r *recorder) of(tenant tenants.Tenant) (events []workers.Event) {
	for _, e := range r.taken() {
		if e.TenantID == tenant.ID {
			events = append(events, e)
		}
	}
	return events
}

// requireOrder checks that each aggregate's events came in the order of their versions, each once.
func requireOrder(t *testing.T, events []workers.Event) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range events {
		key := e.TenantID + e.AggregateID
		require.Equal(t, last[key]+1, e.AggregateVersion, "aggregate %s of tenant %s", e.AggregateID, e.TenantSlug)
		last[key] = e.AggregateVersion
	}
}
