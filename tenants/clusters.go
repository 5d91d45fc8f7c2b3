package tenants

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// Options are what a process gives its clusters. Every field has a default.
type Options struct {
	// Now is the clock of all transactions. Default time.Now.
	Now func() time.Time
	// OnCommit is called after a commit that recorded events. It must not block.
	OnCommit func(cluster, tenantID string)
	// OnRetire is called when a connection is retired.
	OnRetire func()
	// Log is the process's log. Default: nothing is logged.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnCommit == nil {
		o.OnCommit = func(string, string) {}
	}
	if o.OnRetire == nil {
		o.OnRetire = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Clusters are all PostgreSQL servers that a process knows, each with a pool for the application's
// login and, where a URL is given, one for the owner's.
type Clusters struct {
	names    []string
	clusters map[string]*Cluster
	owners   map[string]*Owner
	registry *Registry
}

// OpenClusters prepares the pools of all clusters in the settings. It does not connect.
func OpenClusters(settings config.Settings, opts Options) (*Clusters, error) {
	opts = opts.withDefaults()
	all := &Clusters{clusters: map[string]*Cluster{}, owners: map[string]*Owner{}}
	for _, name := range settings.ClusterNames() {
		if err := all.open(name, settings, opts); err != nil {
			all.Close()
			return nil, err
		}
		all.names = append(all.names, name)
	}
	var err error
	if all.registry, err = openRegistry(all.Home(), opts.Log); err != nil {
		all.Close()
		return nil, err
	}
	return all, nil
}

func (c *Clusters) open(name string, settings config.Settings, opts Options) error {
	urls, _ := settings.Cluster(name)
	cluster, err := OpenCluster(ClusterConfig{
		Name:           name,
		URL:            urls.URL,
		MaxConns:       settings.DatabasePoolSize,
		TenantsPerConn: settings.TenantsPerConnection,
		Now:            opts.Now,
		OnCommit:       func(tenantID string) { opts.OnCommit(name, tenantID) },
		OnRetire:       opts.OnRetire,
	})
	if err != nil {
		return err
	}
	c.clusters[name] = cluster
	if urls.OwnerURL == "" {
		return nil
	}
	owner, err := openOwner(name, urls.OwnerURL, cluster.Login())
	if err != nil {
		return err
	}
	c.owners[name] = owner
	return nil
}

// Home is the cluster that holds the registry.
func (c *Clusters) Home() *Cluster { return c.clusters[HomeCluster] }

// Names lists the clusters, the home cluster first.
func (c *Clusters) Names() []string { return slices.Clone(c.names) }

// Get returns a cluster by its name.
func (c *Clusters) Get(name string) (*Cluster, error) {
	cluster, ok := c.clusters[name]
	if !ok {
		return nil, errors.New("tenants: the settings do not name the cluster " + name)
	}
	return cluster, nil
}

// Owner returns the owner's login on a cluster. A process that has none answers what needs it with a
// fault.
func (c *Clusters) Owner(name string) (*Owner, error) {
	owner, ok := c.owners[name]
	if !ok {
		return nil, fault.New(fault.Unavailable, "onboarding_unavailable",
			"This process has no owner's login on cluster %q, which this needs.", name)
	}
	return owner, nil
}

// Close waits for the connections in use and closes all.
func (c *Clusters) Close() {
	for _, cluster := range c.clusters {
		cluster.Close()
	}
	for _, owner := range c.owners {
		owner.close()
	}
}
