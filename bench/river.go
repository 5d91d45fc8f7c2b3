package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantry/tenantry/app/fault"
)

// riverDrain is what River works through beside the drains: one queue, jobs that do nothing.
const riverDrain = "drain: River, its own bench"

// riverJobs is how many jobs that are.
const riverJobs = 100_000

// errNoRiver is why River cannot be measured here.
var errNoRiver = fault.New(fault.Unavailable, "no_river",
	"River is measured from the project's source only, with Go at hand: it is a module of its own in bench/river")

// riverCondition says what River was given.
func riverCondition(jobs int) string {
	return fmt.Sprintf("River %s: %d jobs that do nothing, in one queue, with the settings of its own bench, from the start of its client "+
		"to the last completion; a database of its own on the same server", riverVersion, jobs)
}

// riverVersion is what bench/river/go.mod pins; a test compares them.
const riverVersion = "v0.51.2"

// river lets River work through so many jobs in a database that it may fill, and returns how many a second
// that were. It is errNoRiver where there is no Go or no source: what follows has to go on without.
func river(ctx context.Context, databaseURL string, jobs int) (jobsPerSecond float64, err error) {
	dir, err := riverModule()
	if err != nil {
		return 0, err
	}
	program, err := exec.LookPath("go")
	if err != nil {
		return 0, errNoRiver
	}
	var complaint strings.Builder
	command := exec.CommandContext(ctx, program, "run", "-C", dir, ".", "-n", strconv.Itoa(jobs))
	command.Stdin = strings.NewReader(databaseURL + "\n") // an argument could be read by others
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("run River's bench: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	var result struct {
		JobsPerSecond float64 `json:"jobs_per_second"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return 0, fmt.Errorf("read River's result: %w", err)
	}
	return result.JobsPerSecond, nil
}

// riverModule finds bench/river in the folder that the program was started in, or above it.
func riverModule() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the folder: %w", err)
	}
	for {
		module := filepath.Join(dir, "bench", "river")
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			return module, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoRiver
		}
		dir = parent
	}
}

// riverDatabase is where River's jobs are.
const riverDatabase = "river"

// measureRiver measures River in an empty database of its own, at url, which admin makes on the same server.
// Without River there is only a condition that says so.
func measureRiver(ctx context.Context, admin *pgxpool.Pool, url string, jobs int) (jobsPerSecond float64, condition string, err error) {
	for _, sql := range []string{"drop database if exists " + riverDatabase, "create database " + riverDatabase} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return 0, "", fmt.Errorf("make a database for River: %w", err)
		}
	}
	jobsPerSecond, err = river(ctx, url, jobs)
	if errors.Is(err, errNoRiver) {
		return 0, errNoRiver.Error(), nil
	}
	return jobsPerSecond, riverCondition(jobs), err
}
