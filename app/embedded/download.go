package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadTimeout bounds the fetching of about 10 MB over a slow line.
const downloadTimeout = 10 * time.Minute

// download fetches an installation through embedded-postgres and returns its bin folder. What was
// fetched before is used again.
func download(ctx context.Context, repository string, home string, major int) (string, error) {
	version, ok := downloadable(major)
	if !ok {
		return "", fmt.Errorf("no download of PostgreSQL %d", major)
	}
	installed := filepath.Join(home, "postgresql-"+string(version))
	if complete(installed) {
		return filepath.Join(installed, "bin"), nil
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("download PostgreSQL: %w", err)
	}
	work, err := os.MkdirTemp(home, "download-")
	if err != nil {
		return "", fmt.Errorf("make download folder: %w", err)
	}
	fetched := make(chan error, 1)
	// The library cannot be cancelled. Its goroutine ends with the transfer, writes into its own
	// folder only, and removes that if nobody waits for it any more.
	go func() { fetched <- fetch(version, repository, work, installed) }()
	select {
	case err := <-fetched:
		return filepath.Join(installed, "bin"), err
	case <-ctx.Done():
		return "", fmt.Errorf("download PostgreSQL: %w", ctx.Err())
	case <-time.After(downloadTimeout):
		return "", errors.New("download PostgreSQL: no end after ten minutes")
	}
}

// fetch lets the library download and unpack, and then stops it on purpose: it offers no call that
// does only this, and its way of running the server does not suit us (it cannot give up root, sets
// no limits to the life of the server, and trusts a fixed password). The encoding does not exist,
// so its initdb refuses before it writes anything, for root and for everybody else alike.
func fetch(version embeddedpostgres.PostgresVersion, repository, work, installed string) error {
	defer os.RemoveAll(work) //nolint:errcheck // what stays behind is only disk space
	unpacked := filepath.Join(work, "unpacked")
	config := embeddedpostgres.DefaultConfig().
		Version(version).
		Port(0).
		CachePath(filepath.Join(work, "cache")).
		RuntimePath(filepath.Join(work, "runtime")).
		DataPath(filepath.Join(work, "data")).
		BinariesPath(unpacked).
		Encoding("none-on-purpose").
		Logger(io.Discard)
	if repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	refusal := embeddedpostgres.NewDatabase(config).Start()
	if refusal == nil || !strings.Contains(refusal.Error(), "unable to init database") || !complete(unpacked) {
		return fmt.Errorf("download PostgreSQL %s: %w", version, refusal)
	}
	if err := os.Chmod(unpacked, 0o755); err != nil { //nolint:gosec // the server's user must run it
		return fmt.Errorf("open PostgreSQL's folder: %w", err)
	}
	if err := os.Rename(unpacked, installed); err != nil && !complete(installed) {
		return fmt.Errorf("install PostgreSQL: %w", err)
	}
	return nil
}

func complete(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "bin", "postgres"+executableSuffix()))
	return err == nil
}

func downloadable(major int) (embeddedpostgres.PostgresVersion, bool) {
	switch major {
	case 0, 18:
		return embeddedpostgres.V18, true
	case 14:
		return embeddedpostgres.V14, true
	case 15:
		return embeddedpostgres.V15, true
	case 16:
		return embeddedpostgres.V16, true
	case 17:
		return embeddedpostgres.V17, true
	default:
		return "", false
	}
}
