package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/tenantry/tenantry/app/fault"
)

// ErrInUse means that another program holds the data folder. It is the cause of a *fault.Error
// whose text names the folder and says what to do.
var ErrInUse = errors.New("the data folder is in use")

const (
	lockFile = "lock"
	// lockPatience outlasts the moment for which InUse of another program holds the lock.
	lockPatience = 500 * time.Millisecond
	lockInterval = 20 * time.Millisecond

	privateFolder = 0o700
	privateFile   = 0o600
)

// DataDir holds a data folder for one program, until Close or the end of the process. Keep the value
// and close it: the lock is an open file, which Go closes when nothing refers to it any more.
type DataDir struct {
	path string
	lock *flock.Flock
}

// OpenDataDir makes the folder (readable by its owner only) if it is missing and takes its lock.
// The second program on one folder gets ErrInUse.
func OpenDataDir(path string) (*DataDir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve data folder %s: %w", path, err)
	}
	if err := os.MkdirAll(absolute, privateFolder); err != nil {
		return nil, refusedFolder(absolute, err)
	}
	lock, err := acquire(absolute, lockFile)
	if err != nil {
		return nil, err
	}
	return &DataDir{path: absolute, lock: lock}, nil
}

// Path is the absolute path of the folder.
func (d *DataDir) Path() string { return d.path }

// Close gives the folder back. The lock file stays: removing it would let two programs lock two
// files of the same name.
func (d *DataDir) Close() error {
	if err := d.lock.Close(); err != nil {
		return fmt.Errorf("unlock data folder %s: %w", d.path, err)
	}
	return nil
}

// InUse reports whether a live program, this one included, holds the data folder. A folder that
// does not exist is not in use, and asking does not make it.
func InUse(path string) (bool, error) {
	name := filepath.Join(path, lockFile)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, refusedFolder(path, err)
	}
	lock := flock.New(name)
	free, err := lock.TryRLock()
	if err != nil {
		return false, refusedFolder(path, err)
	}
	if err := lock.Close(); err != nil {
		return false, fmt.Errorf("unlock data folder %s: %w", path, err)
	}
	return !free, nil
}

// acquire locks one file of the folder, with a little patience for programs that only look.
func acquire(folder, name string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(folder, name), flock.SetPermissions(privateFile))
	for end := time.Now().Add(lockPatience); ; <-time.After(lockInterval) {
		held, err := lock.TryLock()
		if err != nil {
			return nil, refusedFolder(folder, err)
		}
		if held {
			return lock, nil
		}
		if time.Now().After(end) {
			break
		}
	}
	return nil, fault.New(fault.Conflict, "data_dir_in_use",
		"The data folder %s is in use by another program: stop that one, or name another folder with --data.",
		folder).Because(ErrInUse)
}

// refusedFolder turns the one mistake a person can repair into a sentence.
func refusedFolder(path string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fault.New(fault.Unavailable, "data_dir_denied",
			"The data folder %s belongs to another user: run as that user, or name another folder with --data.",
			path).Because(err)
	}
	return fmt.Errorf("open data folder %s: %w", path, err)
}
