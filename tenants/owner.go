package tenants

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/tenantry/tenantry/migrations"
)

// ownerConns bounds the owner's connections to a cluster: they migrate and onboard, nothing else.
const ownerConns = 16

// Owner is the owner's login on one cluster: it owns all schemas, makes tenants' roles, and migrates.
type Owner struct {
	name string
	app  string
	pool *pgxpool.Pool
	sql  *sql.DB
	gorm *gorm.DB
}

func openOwner(name, url, app string) (*Owner, error) {
	config, err := parsePool(name, url, ownerConns)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("open the owner's pool of cluster %s: %w", name, err)
	}
	db := stdlib.OpenDBFromPool(pool)
	base, err := openGORM(db)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("prepare gorm for the owner of cluster %s: %w", name, err)
	}
	return &Owner{name: name, app: app, pool: pool, sql: db, gorm: base}, nil
}

// openGORM is GORM with nothing of its own: no transactions, no pings, no prepared statements, no log.
func openGORM(db *sql.DB) (*gorm.DB, error) {
	base, err := gorm.Open(postgres.New(postgres.Config{Conn: db}), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("open gorm: %w", err)
	}
	return base, nil
}

// Pool is the pool of the owner's login.
func (o *Owner) Pool() *pgxpool.Pool { return o.pool }

func (o *Owner) close() {
	_ = o.sql.Close() // it holds no connection of its own
	o.pool.Close()
}

// migrateShared brings a schema that all tenants share to its newest migration.
func (o *Owner) migrateShared(ctx context.Context, history migrations.History, schema string) error {
	_, err := history.Up(ctx, o.gorm, migrations.Target{Schema: schema, App: o.app, Prepare: makeShared(schema)})
	return databaseFault(err)
}

// makeShared makes a schema where it is missing. CREATE SCHEMA IF NOT EXISTS asks for the right to
// create also where it exists.
func makeShared(schema string) string {
	return fmt.Sprintf(`do $$ begin
		if not exists (select from pg_catalog.pg_namespace where nspname = '%[1]s') then
			create schema %[1]s;
		end if;
	end $$`, schema)
}

// migrateTenant brings a tenant's schema to a migration, or to the newest one, and returns its id.
func (o *Owner) migrateTenant(ctx context.Context, p Placement, to string) (string, error) {
	if to == "" {
		return migrations.Tenant().Up(ctx, o.gorm, o.target(p))
	}
	return migrations.Tenant().UpTo(ctx, o.gorm, o.target(p), to)
}

// target is a tenant's schema for its history. The role and the schema are made in the transaction of
// the migrations, so that there is never one without the other.
func (o *Owner) target(p Placement) migrations.Target {
	return migrations.Target{Schema: p.SchemaName, App: o.app, Role: p.RoleName, Prepare: o.makePlace(p)}
}

// makePlace makes a tenant's role and schema, or what is missing of them. The role cannot log in and
// owns nothing; the application may take it on, and nobody else.
func (o *Owner) makePlace(p Placement) string {
	return strings.NewReplacer(
		"{{role}}", pgx.Identifier{p.RoleName}.Sanitize(), "{{role text}}", quoteText(p.RoleName),
		"{{schema}}", pgx.Identifier{p.SchemaName}.Sanitize(), "{{schema text}}", quoteText(p.SchemaName),
		"{{app}}", pgx.Identifier{o.app}.Sanitize(), "{{app text}}", quoteText(o.app),
	).Replace(makePlaceSQL)
}

const makePlaceSQL = `do $tenantry$ begin
	if not exists (select from pg_catalog.pg_roles where rolname = {{role text}}) then
		create role {{role}} nologin noinherit;
	end if;
	if not pg_catalog.pg_has_role({{app text}}, {{role text}}, 'member') then
		grant {{role}} to {{app}};
	end if;
	if not exists (select from pg_catalog.pg_namespace where nspname = {{schema text}}) then
		create schema {{schema}};
		revoke all on schema {{schema}} from public;
		grant usage on schema {{schema}} to {{role}};
	end if;
end $tenantry$`

func quoteText(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), "'", "''") + "'"
}
