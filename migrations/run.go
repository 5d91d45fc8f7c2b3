package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// table is where gormigrate keeps what has run, in each schema.
const table = "schema_migrations"

// initID is what gormigrate writes beside the migrations of a schema that was made in one go.
const initID = "SCHEMA_INIT"

// lockTimeout bounds how long a migration waits for a table that is in use: while it waits, all who
// come after it wait too.
const lockTimeout = 5 * time.Second

// Up brings a schema to the newest migration and returns its id. A schema without any is made by one
// script. Everything happens in one transaction, and a second run at the same time waits for the first.
func (h History) Up(ctx context.Context, db *gorm.DB, target Target) (string, error) {
	return h.run(ctx, db, target, func(runner *gormigrate.Gormigrate, tx *gorm.DB) error {
		runner.InitSchema(func(*gorm.DB) error { return execute(ctx, tx, target.fill(h.script())) })
		return runner.Migrate()
	})
}

// UpTo runs the migrations up to one, step by step, and leaves out the later ones.
func (h History) UpTo(ctx context.Context, db *gorm.DB, target Target, id string) (string, error) {
	return h.run(ctx, db, target, func(runner *gormigrate.Gormigrate, _ *gorm.DB) error {
		return runner.MigrateTo(id)
	})
}

// Down undoes the last migration that ran, and returns the id of the one before it: empty when it was
// the first.
func (h History) Down(ctx context.Context, db *gorm.DB, target Target) (string, error) {
	return h.run(ctx, db, target, func(runner *gormigrate.Gormigrate, _ *gorm.DB) error {
		return runner.RollbackLast()
	})
}

// Version is the id of the newest migration that a schema has, empty when it has none.
func (h History) Version(ctx context.Context, db *gorm.DB, schema string) (string, error) {
	var exists bool
	name := quote(schema) + "." + table
	if err := db.WithContext(ctx).Raw("select to_regclass(?) is not null", name).Scan(&exists).Error; err != nil {
		return "", fmt.Errorf("look for the migrations of %s: %w", schema, err)
	}
	if !exists {
		return "", nil
	}
	return newest(ctx, db, name)
}

func (h History) run(ctx context.Context, db *gorm.DB, target Target, work func(*gormigrate.Gormigrate, *gorm.DB) error) (string, error) {
	version := ""
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := execute(ctx, tx, preamble(target)); err != nil {
			return fmt.Errorf("enter the schema: %w", err)
		}
		if err := work(h.runner(ctx, tx, target), tx); err != nil {
			return explain(err)
		}
		var err error
		version, err = newest(ctx, tx, quote(target.Schema)+"."+table)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("migrate schema %s: %w", target.Schema, err)
	}
	return version, nil
}

// preamble takes the schema's lock and enters the schema, in one round trip. All of it ends with the
// transaction. Waiting for the lock has no other bound than the context: the holder is at work.
func preamble(target Target) string {
	return fmt.Sprintf(`set local client_min_messages = warning;
		select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0));
		set local lock_timeout = %d;
		%s;
		set local search_path = %s, pg_temp;
		create table if not exists %s (id varchar(255) primary key)`,
		quoteText("tenantry schema "+target.Schema), lockTimeout.Milliseconds(), target.Prepare,
		quote(target.Schema), table)
}

func (h History) runner(ctx context.Context, tx *gorm.DB, target Target) *gormigrate.Gormigrate {
	list := make([]*gormigrate.Migration, len(h.steps))
	for i, s := range h.steps {
		list[i] = &gormigrate.Migration{
			ID:      s.id,
			Migrate: func(*gorm.DB) error { return execute(ctx, tx, target.fill(s.up)) },
		}
		if s.down != "" {
			list[i].Rollback = func(*gorm.DB) error { return execute(ctx, tx, target.fill(s.down)) }
		}
	}
	options := &gormigrate.Options{TableName: table, ValidateUnknownMigrations: true}
	return gormigrate.New(tx, options, list)
}

// execute runs a whole script in one round trip. It goes around GORM, which would look for its
// placeholders in the text.
func execute(ctx context.Context, tx *gorm.DB, script string) error {
	_, err := tx.Statement.ConnPool.ExecContext(ctx, script)
	return err //nolint:wrapcheck // the callers say which script it was
}

func newest(ctx context.Context, db *gorm.DB, name string) (string, error) {
	var id sql.NullString
	err := db.WithContext(ctx).Raw("select max(id collate \"C\") from "+name+" where id <> ?", initID).Scan(&id).Error
	if err != nil {
		return "", fmt.Errorf("read the newest migration: %w", err)
	}
	return id.String, nil
}

// explain says what an operator can do about gormigrate's own errors.
func explain(err error) error {
	switch {
	case errors.Is(err, gormigrate.ErrUnknownPastMigration):
		return fault.New(fault.Conflict, "schema_newer",
			"The schema has a migration that this program does not know: run a newer version.").Because(err)
	case errors.Is(err, gormigrate.ErrMigrationIDDoesNotExist):
		return fault.New(fault.NotFound, "migration_unknown", "There is no such migration.").Because(err)
	case errors.Is(err, gormigrate.ErrNoRunMigration):
		return fault.New(fault.Conflict, "nothing_to_undo", "The schema has no migration to undo.").Because(err)
	case errors.Is(err, gormigrate.ErrRollbackImpossible):
		return fault.New(fault.Conflict, "cannot_undo", "The last migration cannot be undone.").Because(err)
	default:
		return err
	}
}
