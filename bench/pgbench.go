package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/tenants"
)

// writeScript is the SQL of POST /v1/users, statement by statement and round trip by round trip.
const writeScript = `\set n random(1, 1000000000)
begin\; set local statement_timeout = 30000\; set local role "%[2]s"\; set local search_path = "%[1]s", pg_temp;
insert into users (id, email, name, role, status, lock_version, created_at, updated_at)
values (gen_random_uuid(), gen_random_uuid() || '@example.com', 'Ada Lovelace', 'member', 'active', 1, now(), now());
with e as (insert into events
(id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, traceparent, data, created_at)
values (gen_random_uuid(), 'User.created', 'User', gen_random_uuid(), 1, gen_random_uuid()::text, cast(gen_random_uuid() as text), '',
'{"email": "ada@example.com", "name": "Ada Lovelace", "role": "member"}', now()) returning seq, created_at)
insert into outbox_messages (seq, created_at) select seq, created_at from e;
commit;
`

var tps = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench runs the same SQL as the write path over the same tenants, with PostgreSQL's own load
// generator, and returns its transactions per second.
func (w *world) pgbench(ctx context.Context, duration time.Duration) (float64, error) {
	dir, err := os.MkdirTemp(w.dir, "pgbench-")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	scripts, err := writeScripts(dir, w.tenants)
	if err != nil {
		return 0, err
	}
	args := slices.Concat([]string{
		"--no-vacuum", "--client=" + strconv.Itoa(writers), "--jobs=" + strconv.Itoa(threads()),
		"--time=" + strconv.Itoa(max(int(duration.Seconds()), 1)), "--protocol=simple",
	}, scripts, []string{w.postgres.AppURL()})
	command := exec.CommandContext(ctx, filepath.Join(w.postgres.Programs(), "pgbench"), args...)
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run pgbench: %w: %s", err, out)
	}
	match := tps.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("read pgbench: no tps in %s", out)
	}
	return strconv.ParseFloat(string(match[1]), 64) //nolint:wrapcheck // the expression matched a number
}

// pgbenchScripts is the most scripts that pgbench takes.
const pgbenchScripts = 120

func writeScripts(dir string, all []tenants.Tenant) ([]string, error) {
	var args []string
	for i, t := range all[:min(len(all), pgbenchScripts)] {
		file := filepath.Join(dir, strconv.Itoa(i)+".sql")
		if err := os.WriteFile(file, fmt.Appendf(nil, writeScript, t.SchemaName, t.RoleName), 0o600); err != nil {
			return nil, fmt.Errorf("write a script: %w", err)
		}
		args = append(args, "--file="+file)
	}
	return args, nil
}
