package tenants

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// ClusterConfig says how to reach one cluster.
type ClusterConfig struct {
	// Name is the cluster's name, for example "main".
	Name string
	// URL is the cluster's database as the application's login.
	URL string
	// MaxConns bounds the connections that all of its tenants share. Default 20. A worker opens up to
	// two more, for its leases and its sweep.
	MaxConns int
	// TenantsPerConn is how many distinct tenants a connection serves before it is retired, because a
	// PostgreSQL backend keeps the catalog entries of all it has served. Default 1000.
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
		c.TenantsPerConn = 1000
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
	config   ClusterConfig
	pool     *pgxpool.Pool
	reserved *pgxpool.Pool
	sql      *sql.DB
	gorm     *gorm.DB

	unscoped, refused *sql.DB
}

// OpenCluster prepares the pool of a cluster. It does not connect, so a cluster that is down at the
// start is reached as soon as it is back.
func OpenCluster(config ClusterConfig) (*Cluster, error) {
	config = config.withDefaults()
	pool, err := config.openPool(config.MaxConns)
	if err != nil {
		return nil, err
	}
	reserved, err := config.openPool(reservedConns)
	if err != nil {
		pool.Close()
		return nil, err
	}
	unscoped := sql.OpenDB(refusing{ErrUnscoped})
	base, err := openGORM(unscoped)
	if err != nil {
		pool.Close()
		reserved.Close()
		return nil, fmt.Errorf("prepare gorm for cluster %s: %w", config.Name, err)
	}
	return &Cluster{
		config: config, pool: pool, reserved: reserved, sql: stdlib.OpenDBFromPool(pool), gorm: base,
		unscoped: unscoped, refused: sql.OpenDB(refusing{ErrStatement}),
	}, nil
}

// reservedConns are for those who may not wait behind the tenants' work: one for who looks into all
// tenants, one look at a time, and one for who wins and renews leases, which takes a moment. They are all
// that an idle worker uses.
const reservedConns = 2

func (c ClusterConfig) openPool(maxConns int) (*pgxpool.Pool, error) {
	poolConfig, err := parsePool(c.Name, c.URL, maxConns)
	if err != nil {
		return nil, err
	}
	poolConfig.AfterRelease = retireAfter(c.TenantsPerConn, c.OnRetire)
	pool, err := pgxpool.NewWithConfig(context.Background(), poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open the pool of cluster %s: %w", c.Name, err)
	}
	return pool, nil
}

// connectTimeout bounds one attempt to connect, unless the URL says otherwise.
const connectTimeout = 5 * time.Second

// A connection that nobody used for so long is closed, unless the URL says earlier: an idle worker needs
// one, and the server's memory for the others is better spent elsewhere.
const (
	maxIdleTime = time.Minute
	idleCheck   = 15 * time.Second
)

// parsePool makes the configuration of a pool that prepares nothing and so passes every pooler.
func parsePool(name, url string, maxConns int) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil || url == "" {
		// pgx puts the URL into its error, password and all; and it takes no URL for a default one.
		return nil, fault.New(fault.Invalid, "database_url", "The URL of cluster %q is not a PostgreSQL URL.", name)
	}
	config.MaxConns = int32(min(maxConns, 10_000)) //nolint:gosec // bounded on the same line
	config.MaxConnIdleTime = min(config.MaxConnIdleTime, maxIdleTime)
	config.HealthCheckPeriod = min(config.HealthCheckPeriod, idleCheck)
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnConfig.StatementCacheCapacity = 0
	config.ConnConfig.DescriptionCacheCapacity = 0
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// Name is the cluster's name.
func (c *Cluster) Name() string { return c.config.Name }

// Pool is the pool as the application's login, which may touch the control and dispatch schemas and
// no tenant's. Tenants' data is reached through a Scope.
func (c *Cluster) Pool() *pgxpool.Pool { return c.pool }

// Reserved is a small pool beside the other one, likewise of the application's login. A worker's leases
// go over it: were they to wait behind the turns, long ones would cost it the leases under which they
// run. It opens nothing until it is used.
func (c *Cluster) Reserved() *pgxpool.Pool { return c.reserved }

// Login is the name of the application's login.
func (c *Cluster) Login() string { return c.pool.Config().ConnConfig.User }

// Now is the cluster's clock, in the resolution that PostgreSQL keeps.
func (c *Cluster) Now() time.Time { return c.config.Now().UTC().Truncate(time.Microsecond) }

// Close waits for the connections in use and closes all.
func (c *Cluster) Close() {
	for _, db := range []*sql.DB{c.sql, c.unscoped, c.refused} {
		_ = db.Close() // none holds a connection of its own: they are the pool's
	}
	c.pool.Close()
	c.reserved.Close()
}
