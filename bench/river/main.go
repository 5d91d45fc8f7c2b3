// Command river measures how many jobs a second River works through: the load of its own `river bench -n`,
// with the settings that River's authors chose for that.
//
// It is a module of its own, so that River and its drivers have no part in the versions that the product is
// built with. It is given a database that it may fill, migrates River's schema into it, and prints one line
// of JSON:
//
//	go run -C bench/river . -n 100000 < URL
//
// The database's URL is read from standard input, because it has a password.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// What River's bench works with.
const (
	maxWorkers    = 2000
	fetchCooldown = 2 * time.Millisecond
	fetchPoll     = 20 * time.Millisecond
	insertBatch   = 5000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// result is what is printed.
type result struct {
	Jobs          int     `json:"jobs"`
	JobsPerSecond float64 `json:"jobs_per_second"`
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("river", flag.ContinueOnError)
	jobs := flags.Int("n", 100_000, "how many jobs are inserted, and worked afterwards")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it says everything
	}
	url, err := bufio.NewReader(in).ReadString('\n')
	if url = strings.TrimSpace(url); url == "" {
		return errors.Join(errors.New("the database's URL is expected on standard input"), ignoreEOF(err))
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	rate, err := measure(ctx, pool, *jobs)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result{Jobs: *jobs, JobsPerSecond: rate}) //nolint:wrapcheck // standard output
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// noop is a job that does nothing.
type noop struct {
	Num int `json:"num"`
}

// Kind names the job.
func (noop) Kind() string { return "benchmark" }

type worker struct{ river.WorkerDefaults[noop] }

// Work does nothing.
func (worker) Work(context.Context, *river.Job[noop]) error { return nil }

// measure inserts the jobs, and counts how many a second are completed from the client's start to the last
// one, as River reports them: completed in the database, not only worked.
func measure(ctx context.Context, pool *pgxpool.Pool, jobs int) (float64, error) {
	driver := riverpgxv5.New(pool)
	if err := prepare(ctx, pool, driver); err != nil {
		return 0, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, worker{})
	client, err := river.NewClient(driver, &river.Config{
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll,
		Logger:  slog.New(slog.DiscardHandler),
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		Workers: workers,
	})
	if err != nil {
		return 0, fmt.Errorf("make a client: %w", err)
	}
	if err := insert(ctx, client, jobs); err != nil {
		return 0, err
	}
	completed, cancel := client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: jobs, Kinds: []river.EventKind{river.EventKindJobCompleted, river.EventKindJobFailed},
	})
	defer cancel()
	began := time.Now()
	if err := client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start the client: %w", err)
	}
	if err := await(ctx, completed, jobs); err != nil {
		return 0, errors.Join(err, client.Stop(context.WithoutCancel(ctx)))
	}
	took := time.Since(began)
	if err := client.Stop(ctx); err != nil {
		return 0, fmt.Errorf("stop the client: %w", err)
	}
	return float64(jobs) / took.Seconds(), nil
}

// prepare makes River's tables, and an empty one of jobs.
func prepare(ctx context.Context, pool *pgxpool.Pool, driver *riverpgxv5.Driver) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("run River's migrations: %w", err)
	}
	for _, sql := range []string{"truncate river_job", "vacuum full river_job"} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("empty the table of jobs: %w", err)
		}
	}
	return nil
}

func insert[Tx any](ctx context.Context, client *river.Client[Tx], jobs int) error {
	for from := 0; from < jobs; from += insertBatch {
		batch := make([]river.InsertManyParams, min(insertBatch, jobs-from))
		for i := range batch {
			batch[i].Args = noop{Num: from + i}
		}
		if _, err := client.InsertMany(ctx, batch); err != nil {
			return fmt.Errorf("insert jobs: %w", err)
		}
	}
	return nil
}

func await(ctx context.Context, completed <-chan *river.Event, jobs int) error {
	for range jobs {
		select {
		case event := <-completed:
			if event.Kind != river.EventKindJobCompleted {
				return fmt.Errorf("job %d was not completed: %s", event.Job.ID, event.Kind)
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for jobs: %w", ctx.Err())
		}
	}
	return nil
}
