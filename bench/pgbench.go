package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// writeScript is the SQL of POST /v1/users, statement by statement and round trip by round trip.
const writeScript = `begin\; set local statement_timeout = 30000\; set local role "%[2]s"\; set local search_path = "%[1]s", pg_temp;
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
func (l *lab) pgbench(ctx context.Context, program string) (float64, error) {
	dir, err := os.MkdirTemp(l.dir, "pgbench-")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it goes with the world's folder at last
	scripts, each, err := writeScripts(dir, l.tenants)
	if err != nil {
		return 0, err
	}
	args := slices.Concat([]string{
		"--no-vacuum", "--client=" + strconv.Itoa(writers), "--jobs=" + strconv.Itoa(runtime.GOMAXPROCS(0)),
		"--time=" + strconv.Itoa(max(int(l.plan.duration.Seconds()), 1)), "--protocol=simple",
	}, scripts, []string{l.postgres.AppURL()})
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run pgbench: %w: %s", err, out)
	}
	match := tps.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("read pgbench: no tps in %s", out)
	}
	rate, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		return 0, fmt.Errorf("read pgbench: %w", err)
	}
	return rate * float64(each), nil
}

// pgbenchScripts is the most scripts that pgbench takes.
const pgbenchScripts = 120

// writeScripts writes scripts that each write for as many tenants one after the other, all tenants in all.
func writeScripts(dir string, all []tenant) (args []string, each int, err error) {
	each = (len(all) + pgbenchScripts - 1) / pgbenchScripts
	for first := 0; first < len(all); first += each {
		var script []byte
		for i := range each {
			t := all[(first+i)%len(all)]
			script = fmt.Appendf(script, writeScript, t.SchemaName, t.RoleName)
		}
		file := filepath.Join(dir, strconv.Itoa(first)+".sql")
		if err := os.WriteFile(file, script, 0o600); err != nil {
			return nil, 0, fmt.Errorf("write a script: %w", err)
		}
		args = append(args, "--file="+file)
	}
	return args, each, nil
}
