package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
)

// ownerFolder is the variable that turns the test's program into an owner of servers.
const ownerFolder = "EMBEDDED_TEST_OWNER"

// keptData is what has to be there after all that tests do to a server.
const keptData = "CREATE SCHEMA kept; CREATE TABLE kept.rows AS SELECT 7 AS n"

// own starts both servers, leaves data in them, says so, and waits for its end.
func own(dir string) int {
	ctx := context.Background()
	data, err := embedded.OpenDataDir(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = data.Close() }()
	postgres, err := leaveData(ctx, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, postgres.Pid(), postgres.Files())
	<-ctx.Done()
	return 0
}

func leaveData(ctx context.Context, dir string) (*embedded.Postgres, error) {
	postgres, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: dir})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, postgres.OwnerURL())
	if err != nil {
		return nil, err
	}
	if _, err := conn.PgConn().Exec(ctx, keptData).ReadAll(); err != nil {
		return nil, err
	}
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	if err != nil {
		return nil, err
	}
	return postgres, publish(ctx, broker)
}

func publish(ctx context.Context, broker *embedded.NATS) error {
	conn, err := nats.Connect(broker.URL())
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	events := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}}
	if _, err := js.CreateStream(ctx, events); err != nil {
		return err
	}
	for range 100 {
		if _, err := js.Publish(ctx, "events.acme.User.created", []byte("{}")); err != nil {
			return err
		}
	}
	return nil
}

func TestKilledOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), ownerFolder+"="+dir)
	owner.Stderr = os.Stderr
	output, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	number, files, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(number)
	require.NoError(t, err)
	require.True(t, embedded.ServesFolder(pid, files))
	held, err := embedded.InUse(dir)
	require.NoError(t, err)
	require.True(t, held)

	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait())
	if endsWithOwner {
		ended := func() bool { return !embedded.ServesFolder(pid, files) }
		require.Eventually(t, ended, 10*time.Second, 10*time.Millisecond)
	}
	findData(t, dir)
}

// findData starts both servers again and finds what the killed owner left.
func findData(t *testing.T, dir string) {
	t.Helper()
	data, err := embedded.OpenDataDir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, data.Close()) })
	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))

	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	require.Equal(t, uint64(100), stored(t, broker))
}

func TestLeftOverServerIsStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
	require.NoError(t, err)
	execute(t, connect(t, left.OwnerURL()), keptData)
	require.NoError(t, left.Abandon())

	server := startWith(t, embedded.PostgresConfig{Dir: dir, Throwaway: true})
	require.False(t, embedded.ServesFolder(left.Pid(), left.Files()))
	require.Equal(t, 7, one[int](t, connect(t, server.OwnerURL()), "SELECT n FROM kept.rows"))
}

func TestStrangerWithTheServersNumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := embedded.PostgresConfig{Dir: dir}
	server := startWith(t, cfg)
	files := server.Files()
	require.NoError(t, server.Kill())
	require.NoError(t, server.Stop(t.Context()))
	name := files + "/postmaster.pid"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "\n")
	stranger := strconv.Itoa(os.Getpid())
	require.NoError(t, os.WriteFile(name, []byte(stranger+"\n"+rest), 0o600))

	cfg.Throwaway = true
	require.NoError(t, ping(t, startWith(t, cfg).AppURL()))
}
