package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/migrations"
)

const (
	onboarding     = "onboarding"
	psqlOnboarding = "onboarding: the same DDL in psql"
	// mostOnboarded bounds how many tenants are made in each way.
	mostOnboarded = 24
)

func onboardingScenario() scenario {
	return scenario{
		name: "onboarding",
		conditions: func(plan) []string {
			return []string{fmt.Sprintf("as many tenants again as are counted, but at most %d, %d at the same time, through the "+
				"program: registry, role, schema, migrations, the workers' tables, the first admin and its event; psql runs the "+
				"DDL alone: role, grants, schema and all migrations, a transaction for each tenant. They are dropped afterwards",
				mostOnboarded, sideBySide())}
		},
		round: onboardingRound,
	}
}

func onboardingRound(ctx context.Context, l *lab) error {
	beside, count := "", l.onboarded()
	if program, found := l.clientProgram("psql"); found {
		took, err := l.psql(ctx, program)
		if err != nil {
			return err
		}
		beside = psqlOnboarding
		l.add(psqlOnboarding, "tenants/s", float64(count)/took.Seconds())
	}
	slugs := make([]string, count)
	for i := range slugs {
		slugs[i] = "new-" + uuid.NewString()[:13]
	}
	began := time.Now()
	made, err := l.onboard(ctx, slugs)
	took := time.Since(began)
	if err != nil {
		return err
	}
	l.compare(onboarding, "tenants/s", beside, float64(count)/took.Seconds())
	return forEach(ctx, made, func(ctx context.Context, t tenant) error {
		if _, err := l.owner.Exec(ctx, "delete from dispatch.tenants where tenant_id = $1", t.ID); err != nil {
			return fmt.Errorf("displace a tenant: %w", err)
		}
		return l.drop(ctx, t.SchemaName, t.RoleName)
	})
}

// onboarded is how many tenants are made in each way.
func (l *lab) onboarded() int { return min(len(l.tenants), mostOnboarded) }

// drop removes a schema and its role.
func (w *world) drop(ctx context.Context, schema, role string) error {
	sql := fmt.Sprintf("set client_min_messages = warning; drop schema %s cascade; drop role %s", schema, role)
	if _, err := w.owner.Exec(ctx, sql); err != nil {
		return fmt.Errorf("drop a schema: %w", err)
	}
	return nil
}

// psql makes as many schemas with the same DDL, and drops them.
func (l *lab) psql(ctx context.Context, program string) (time.Duration, error) {
	dir, err := os.MkdirTemp(l.dir, "psql-")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it goes with the world's folder at last
	files := make([]string, sideBySide())
	for i := range files {
		files[i] = filepath.Join(dir, strconv.Itoa(i)+".sql")
		var script strings.Builder
		for n := i; n < l.onboarded(); n += len(files) {
			script.WriteString(tenantScript(psqlName(n)))
		}
		if err := os.WriteFile(files[i], []byte(script.String()), 0o600); err != nil {
			return 0, fmt.Errorf("write a script: %w", err)
		}
	}
	took, err := l.runScripts(ctx, program, files)
	for n := range l.onboarded() {
		if err == nil {
			err = l.drop(ctx, psqlName(n), psqlName(n))
		}
	}
	return took, err
}

func psqlName(n int) string { return "psql_" + strconv.Itoa(n) }

func (l *lab) runScripts(ctx context.Context, program string, files []string) (time.Duration, error) {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		group.Go(func() error {
			out, err := exec.CommandContext(ctx, program, "--no-psqlrc", "--quiet", "--output=/dev/null",
				"--set=ON_ERROR_STOP=1", "--file="+file, l.postgres.OwnerURL()).CombinedOutput()
			if err != nil {
				return fmt.Errorf("run psql: %w: %s", err, out)
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(began), err
}

// tenantScript is what makes a tenant's role and schema, in one transaction as the program does it.
func tenantScript(name string) string {
	prepare := fmt.Sprintf(`create role %[1]s nologin noinherit; grant %[1]s to tenantry_app;
		create schema %[1]s; revoke all on schema %[1]s from public; grant usage on schema %[1]s to %[1]s`, name)
	history := migrations.Tenant()
	return fmt.Sprintf("begin;\n%s\ninsert into schema_migrations (id) values ('%s');\ncommit;\n",
		history.Script(migrations.Target{Schema: name, Role: name, App: "tenantry_app", Prepare: prepare}),
		strings.Join(history.Versions(), "'), ('"))
}
