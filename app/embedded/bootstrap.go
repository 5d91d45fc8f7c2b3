package embedded

import (
	"context"
	_ "embed" // for bootstrap.sql
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// mainDatabase is the database that AppURL and OwnerURL name.
	mainDatabase = "tenantry"
	// superuserDatabase is the one that initdb makes.
	superuserDatabase = "postgres"
)

// connectTimeout bounds a login on a server that said it is ready.
const connectTimeout = 30 * time.Second

//go:embed bootstrap.sql
var bootstrapSQL string

// BootstrapSQL is what a superuser runs once in a database before the program uses it: the logins,
// the ownership, and the fences that PostgreSQL itself keeps. It may be run again at any time. It
// sets no passwords; whoever runs it does that.
func BootstrapSQL() string { return bootstrapSQL }

// CreateDatabase makes a further database, prepared exactly like "tenantry". One that exists is
// prepared again.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	p.bootstrapping.Lock()
	defer p.bootstrapping.Unlock()
	create := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE template0"
	if err := p.execute(ctx, superuserDatabase, create); err != nil && !isDuplicate(err) {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	if err := p.execute(ctx, name, bootstrapSQL); err != nil {
		return fmt.Errorf("prepare database %s: %w", name, err)
	}
	return nil
}

// prepareDatabases brings the server to the state that this version of the program expects.
func (p *Postgres) prepareDatabases(ctx context.Context) error {
	if err := p.CreateDatabase(ctx, mainDatabase); err != nil {
		return err
	}
	// The server is ours alone, so the logins have no business in its other databases.
	var statements strings.Builder
	statements.WriteString("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;")
	for _, login := range []string{ownerLogin, appLogin} {
		verifier, err := scramVerifier(p.passwords[login])
		if err != nil {
			return err
		}
		fmt.Fprintf(&statements, "ALTER ROLE %s PASSWORD '%s';", login, verifier)
	}
	if err := p.execute(ctx, superuserDatabase, statements.String()); err != nil {
		return fmt.Errorf("set passwords of the logins: %w", err)
	}
	return nil
}

// execute runs statements as the superuser, all in one transaction unless one forbids that.
func (p *Postgres) execute(ctx context.Context, database, statements string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL(superuser, database))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // all is done or has failed by then
	if _, err := conn.PgConn().Exec(ctx, statements).ReadAll(); err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	return nil
}

func isDuplicate(err error) bool {
	const duplicateDatabase = "42P04"
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refusal.Code == duplicateDatabase
}
