package tenants

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/tenantry/tenantry/app/fault"
)

// ClusterConfig says how to reach one cluster.
type ClusterConfig struct {
	// Name is the cluster's name, for example "main".
	Name string
	// URL is the cluster's database as the application's login.
	URL string
	// MaxConns bounds the connections that all of its tenants share. Default 20.
	MaxConns int
	// TenantsPerConn is how many times a connection may change the tenant that it serves before it is
	// retired, because a PostgreSQL backend keeps the catalog entries of all it has served. Default 5000.
	TenantsPerConn int
	// StatementTimeout bounds every statement in a scope. Default 30 s.
	StatementTimeout time.Duration
	// Now is the clock of its transactions. Default time.Now.
	Now func() time.Time
	// OnCommit is called after a commit that recorded events, with the tenant. It must not block.
	OnCommit func(tenantID string)
	// OnRetire is called when a connection is retired.
	OnRetire func()
}

func (c ClusterConfig) withDefaults() ClusterConfig {
	if c.MaxConns == 0 {
		c.MaxConns = 20
	}
	if c.TenantsPerConn == 0 {
		c.TenantsPerConn = 5000
	}
	if c.StatementTimeout == 0 {
		c.StatementTimeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnCommit == nil {
		c.OnCommit = func(string) {}
	}
	if c.OnRetire == nil {
		c.OnRetire = func() {}
	}
	return c
}

// Cluster is one PostgreSQL server as the application's login sees it: one pool for all tenants.
type Cluster struct {
	config ClusterConfig
	pool   *pgxpool.Pool
	sql    *sql.DB
	gorm   *gorm.DB

	unscoped, refused *sql.DB
}

// OpenCluster prepares the pool of a cluster. It does not connect, so a cluster that is down at the
// start is reached as soon as it is back.
func OpenCluster(config ClusterConfig) (*Cluster, error) {
	config = config.withDefaults()
	poolConfig, err := pgxpool.ParseConfig(config.URL)
	if err != nil {
		// pgx puts the URL into its error, password and all.
		return nil, fault.New(fault.Invalid, "database_url", "The URL of cluster %q is not a PostgreSQL URL.", config.Name)
	}
	poolConfig.MaxConns = int32(min(config.MaxConns, 10_000)) //nolint:gosec // bounded on the same line
	poolConfig.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	poolConfig.ConnConfig.StatementCacheCapacity = 0
	poolConfig.ConnConfig.DescriptionCacheCapacity = 0
	poolConfig.AfterRelease = retireAfter(config.TenantsPerConn, config.OnRetire)
	pool, err := pgxpool.NewWithConfig(context.Background(), poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open the pool of cluster %s: %w", config.Name, err)
	}
	unscoped := sql.OpenDB(refusing{ErrUnscoped})
	base, err := gorm.Open(postgres.New(postgres.Config{Conn: unscoped}), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		TranslateError:         false,
		Logger:                 logger.Discard,
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("prepare gorm for cluster %s: %w", config.Name, err)
	}
	return &Cluster{
		config: config, pool: pool, sql: stdlib.OpenDBFromPool(pool), gorm: base,
		unscoped: unscoped, refused: sql.OpenDB(refusing{ErrStatement}),
	}, nil
}

// Name is the cluster's name.
func (c *Cluster) Name() string { return c.config.Name }

// Pool is the pool as the application's login, which may touch the control and dispatch schemas and
// no tenant's. Tenants' data is reached through a Scope.
func (c *Cluster) Pool() *pgxpool.Pool { return c.pool }

// Now is the cluster's clock, in the resolution that PostgreSQL keeps.
func (c *Cluster) Now() time.Time { return c.config.Now().UTC().Truncate(time.Microsecond) }

// Close waits for the connections in use and closes all.
func (c *Cluster) Close() {
	for _, db := range []*sql.DB{c.sql, c.unscoped, c.refused} {
		_ = db.Close() // none holds a connection of its own: they are the pool's
	}
	c.pool.Close()
}

const servedKey = "tenantry.served"

// served remembers in a connection which tenant it served last and how often that changed.
type served struct {
	last    string
	changes int
}

// noteServed counts n further tenants on a connection when the last one was another.
func noteServed(conn *pgx.Conn, schema string, n int) {
	data := conn.PgConn().CustomData()
	s, ok := data[servedKey].(*served)
	if !ok {
		s = &served{}
		data[servedKey] = s
	}
	if s.last != schema {
		s.last = schema
		s.changes += n
	}
}

func retireAfter(limit int, onRetire func()) func(*pgx.Conn) bool {
	return func(conn *pgx.Conn) bool {
		s, ok := conn.PgConn().CustomData()[servedKey].(*served)
		if !ok || s.changes < limit {
			return true
		}
		onRetire()
		return false
	}
}
