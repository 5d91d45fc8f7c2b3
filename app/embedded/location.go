package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/app/fault"
)

const (
	// sharedHome is where files go that a server's user must reach and that root's folder hides.
	sharedHome = "/var/lib/tenantry"
	// clusterName is the cluster's name in the data folder: a folder, or a link to one.
	clusterName = "postgres"
	// unfinishedName is the same while initdb is at work; what has this name is worthless.
	unfinishedName = "postgres.unfinished"
	// linkedPrefix begins the name of the random folder around a cluster that is linked to.
	linkedPrefix = "tenantry-cluster-"
)

// existingCluster returns the folder of a finished cluster and its major version, or "" and 0.
func existingCluster(root string) (string, int, error) {
	link := filepath.Join(root, clusterName)
	if _, err := os.Lstat(link); errors.Is(err, os.ErrNotExist) {
		return "", 0, nil
	}
	dir, err := filepath.EvalSymlinks(link)
	if errors.Is(err, os.ErrNotExist) {
		target, _ := os.Readlink(link) // only for the text
		return "", 0, fault.New(fault.Unavailable, "postgres_files_missing",
			"PostgreSQL's files are gone: %s points to %s. Bring them back, or remove the link to begin anew.",
			link, target)
	}
	if err != nil {
		return "", 0, fmt.Errorf("find PostgreSQL's files: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return "", 0, fault.New(fault.Unavailable, "postgres_files_unreadable",
			"%s holds no cluster of PostgreSQL that this user can read: run as its owner, or move it away.",
			link).Because(err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return "", 0, fmt.Errorf("read PG_VERSION in %s: %w", dir, err)
	}
	return dir, major, nil
}

// discardUnfinished removes what an interrupted initdb left, also behind a link.
func discardUnfinished(root string) error {
	unfinished := filepath.Join(root, unfinishedName)
	if err := os.RemoveAll(unfinished + passwordSuffix); err != nil {
		return fmt.Errorf("remove unfinished cluster: %w", err)
	}
	return discard(unfinished)
}

// discard removes a folder; of a link that place made it removes the target too.
func discard(path string) error {
	target, err := os.Readlink(path)
	around := filepath.Dir(target)
	if err == nil && strings.HasPrefix(filepath.Base(around), linkedPrefix) {
		if err := os.RemoveAll(around); err != nil {
			return fmt.Errorf("remove %s: %w", target, err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// place makes the empty folder for a new cluster, owned by the account, under its unfinished name,
// and returns its real path. Where the account cannot reach the data folder it is a link.
func place(ctx context.Context, root string, as account, probe string, home string, log *slog.Logger) (string, error) {
	unfinished := filepath.Join(root, unfinishedName)
	reachable, err := reaches(ctx, root, as, probe)
	if err != nil {
		return "", err
	}
	if reachable {
		return unfinished, makeOwned(unfinished, as)
	}
	folder, err := os.MkdirTemp(home, linkedPrefix)
	if err != nil {
		return "", fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	if err := as.own(folder); err != nil {
		return "", err
	}
	dir := filepath.Join(folder, "data")
	if err := os.Symlink(dir, unfinished); err != nil {
		return "", fmt.Errorf("link PostgreSQL's folder: %w", err)
	}
	log.Info("PostgreSQL's user cannot enter the data folder, so its files are elsewhere",
		"user", as.name, "data", root, "files", dir)
	return dir, makeOwned(dir, as)
}

func makeOwned(dir string, as account) error {
	if err := os.Mkdir(dir, privateFolder); err != nil {
		return fmt.Errorf("make PostgreSQL's folder: %w", err)
	}
	return as.own(dir)
}

// reaches tries whether the account can enter the folder, by starting a program there: permission
// bits alone do not tell on every file system.
func reaches(ctx context.Context, dir string, as account, program string) (bool, error) {
	if !as.switched {
		return true, nil
	}
	if err := as.share(dir); err != nil {
		return false, err
	}
	cmd := as.command(ctx, program, "--version")
	cmd.Dir = dir
	err := cmd.Run()
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("try to enter %s: %w", dir, err)
	}
	return true, nil
}

// finish gives the initialized cluster its name. Only now does it exist for the next start.
func finish(root string) error {
	if err := os.Rename(filepath.Join(root, unfinishedName), filepath.Join(root, clusterName)); err != nil {
		return fmt.Errorf("name PostgreSQL's folder: %w", err)
	}
	return nil
}

// reachableHome returns a folder that every user can enter: the shared one, or if that cannot be
// made the folder for temporary files. Throwaway clusters always go to the latter.
func reachableHome(throwaway bool) string {
	if throwaway {
		return os.TempDir()
	}
	//nolint:gosec // every user must be able to enter; what is inside is private
	if err := os.MkdirAll(sharedHome, 0o755); err != nil {
		return os.TempDir()
	}
	return sharedHome
}
