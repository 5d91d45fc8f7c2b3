package jobs

import (
	"context"
	_ "embed" // for access.sql
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/tenantry/tenantry/tenants"
)

//go:embed access.sql
var access string

// Migrate brings River's tables on one cluster to their newest migration, as the owner, and says who may
// use them. It may run again at any time; it takes no lock, so let one process do it.
func Migrate(ctx context.Context, owner *tenants.Owner, cluster *tenants.Cluster, log *slog.Logger) error {
	if _, err := owner.Pool().Exec(ctx, "create schema if not exists "+Schema); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(owner.Pool()), &rivermigrate.Config{Schema: Schema, Logger: log})
	if err != nil {
		return fmt.Errorf("prepare River's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("run River's migrations: %w", err)
	}
	app := pgx.Identifier{cluster.Login()}.Sanitize()
	if _, err := owner.Pool().Exec(ctx, strings.ReplaceAll(access, "{{app}}", app)); err != nil {
		return fmt.Errorf("say who may use River's tables: %w", err)
	}
	return nil
}
