package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// stopTimeout bounds a fast shutdown, after which an immediate one follows.
const stopTimeout = 20 * time.Second

// PostgresConfig says where and how the server runs. The zero value of every field but Dir is a
// sensible default.
type PostgresConfig struct {
	// Dir is the data folder; the cluster's files are in Dir/postgres, its messages in
	// Dir/postgres.log. Empty is allowed for a throwaway server: it gets a folder of its own.
	Dir string
	// Log hears what a person may want to know. Default: nobody does.
	Log *slog.Logger
	// Throwaway is for tests: nothing is synced to disk, and Stop removes all files.
	Throwaway bool
	// Settings are further settings of PostgreSQL by name, which win over ours.
	Settings map[string]string
}

// Postgres is a running server. Its methods are for one goroutine at a time, except URL and its
// kin, Port and CreateDatabase.
type Postgres struct {
	root      string
	removable string
	throwaway bool
	settings  map[string]string
	log       *slog.Logger
	lock      *flock.Flock

	dir       string
	as        account
	bin       binaries
	passwords passwords
	port      int
	fixedPort bool

	server *process
	// bootstrapping keeps two databases from being prepared at once, because both touch the logins.
	bootstrapping sync.Mutex
}

// StartPostgres starts a server on the data folder, made if it is new, recovered if the last one
// was killed, and prepares the database "tenantry" in it. The context bounds the start only.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	p := &Postgres{throwaway: cfg.Throwaway, settings: cfg.Settings, log: cfg.Log}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if err := p.enter(cfg); err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// enter makes the folder and takes its lock, without which stopping a left-over server could stop
// somebody's.
func (p *Postgres) enter(cfg PostgresConfig) error {
	var err error
	if cfg.Dir == "" && cfg.Throwaway {
		if cfg.Dir, err = os.MkdirTemp("", "tenantry-throwaway-"); err != nil {
			return fmt.Errorf("make a folder for PostgreSQL: %w", err)
		}
		p.removable = cfg.Dir
	}
	if cfg.Dir == "" {
		return errors.New("embedded: PostgresConfig.Dir is empty")
	}
	if p.root, err = filepath.Abs(cfg.Dir); err != nil {
		return fmt.Errorf("resolve %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(p.root, privateFolder); err != nil {
		return refusedFolder(p.root, err)
	}
	p.lock, err = acquire(p.root, "postgres.lock")
	return err
}

func (p *Postgres) start(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := stopLeftover(ctx, p.bin, p.dir, p.log); err != nil {
		return err
	}
	var err error
	if p.port, err = freePort(ctx); err != nil {
		return err
	}
	if err := p.launch(ctx); err != nil {
		return err
	}
	p.fixedPort = true
	return p.prepareDatabases(ctx)
}

// prepare finds the cluster's files, the user that runs it and the programs, and makes what is
// missing.
func (p *Postgres) prepare(ctx context.Context) error {
	dir, major, err := existingCluster(p.root)
	if err != nil {
		return err
	}
	if p.as, err = serverAccount(dir); err != nil {
		return err
	}
	where := search{folders: installedFolders, download: p.download, log: p.log}
	if p.bin, err = where.find(ctx, major, p.as); err != nil {
		return err
	}
	if dir == "" {
		return p.create(ctx)
	}
	p.dir = dir
	p.passwords, err = loadPasswords(p.root)
	return err
}

// create makes a new cluster, under another name until it is whole.
func (p *Postgres) create(ctx context.Context) error {
	if err := discardUnfinished(p.root); err != nil {
		return err
	}
	var err error
	if p.passwords, err = generatePasswords(p.root); err != nil {
		return err
	}
	home := reachableHome(p.throwaway)
	dir, err := place(ctx, p.root, p.as, p.bin.path("postgres"), home, p.log)
	if err != nil {
		return err
	}
	if err := initdb(ctx, p.bin, p.as, dir, p.passwords[superuser], p.throwaway); err != nil {
		return err
	}
	if err := finish(p.root); err != nil {
		return err
	}
	p.dir, err = filepath.EvalSymlinks(filepath.Join(p.root, clusterName))
	if err != nil {
		return fmt.Errorf("find PostgreSQL's files: %w", err)
	}
	return nil
}

// download keeps what it fetches where the account can run it.
func (p *Postgres) download(ctx context.Context, major int, as account) (string, error) {
	home := reachableHome(false)
	if !as.switched {
		home = filepath.Join(p.root, "programs")
		if cache, err := os.UserCacheDir(); err == nil {
			home = filepath.Join(cache, "tenantry")
		}
		if err := os.MkdirAll(home, privateFolder); err != nil {
			return "", fmt.Errorf("make a folder for PostgreSQL: %w", err)
		}
	}
	return download(ctx, "", home, major)
}

// URL is how to reach a database with one of the server's logins.
func (p *Postgres) URL(user, database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, p.passwords[user]),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return address.String()
}

// SuperuserURL reaches the database "postgres" as its superuser.
func (p *Postgres) SuperuserURL() string { return p.URL(superuser, superuserDatabase) }

// AppURL reaches the database "tenantry" as the application's login.
func (p *Postgres) AppURL() string { return p.URL(appLogin, mainDatabase) }

// OwnerURL reaches the database "tenantry" as the owner's login.
func (p *Postgres) OwnerURL() string { return p.URL(ownerLogin, mainDatabase) }

// Port is the port on 127.0.0.1. It stays the same over Restart.
func (p *Postgres) Port() int { return p.port }

// Programs is the folder of the server's own programs, such as pgbench and pg_dump.
func (p *Postgres) Programs() string { return p.bin.dir }
