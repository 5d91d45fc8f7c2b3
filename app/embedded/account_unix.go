//go:build unix

package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"github.com/tenantry/tenantry/app/fault"
)

// serverAccount chooses who runs the server: for everybody but root the user itself; for root the
// owner of the cluster's files if there are any, else postgres or nobody.
func serverAccount(clusterDir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if owner, ok := ownerOf(clusterDir); ok {
		return owner, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		return unprivileged(found)
	}
	return account{}, fault.New(fault.Unavailable, "postgres_user_missing",
		"PostgreSQL does not run as root, and there is no user postgres or nobody: "+
			"run as another user, or set TENANTRY_DATABASE_URL.")
}

func unprivileged(found *user.User) (account, error) {
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return account{}, fmt.Errorf("read uid of %s: %w", found.Username, err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return account{}, fmt.Errorf("read gid of %s: %w", found.Username, err)
	}
	return account{name: found.Username, uid: uid, gid: gid, switched: true}, nil
}

// ownerOf returns the unprivileged owner of a cluster that exists already.
func ownerOf(dir string) (account, bool) {
	if dir == "" {
		return account{}, false
	}
	info, err := os.Stat(dir)
	if err != nil {
		return account{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return account{}, false
	}
	name := strconv.Itoa(int(stat.Uid))
	return account{name: name, uid: int(stat.Uid), gid: int(stat.Gid), switched: true}, true
}

// apply makes the command run as the account, in a process group of its own: Ctrl-C at a terminal
// goes to the whole group of the program in front, and the server must end after its clients.
func (a account) apply(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		//nolint:gosec // ids come from the user database and from the file system, both are 32 bit
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}

func neutralFolder() string { return "/" }

// share lets the account enter a folder of ours, through its group, without opening it to others.
func (a account) share(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid != 0 || info.Mode().Perm()&0o001 != 0 {
		return nil
	}
	if err := os.Chown(dir, -1, a.gid); err != nil {
		return fmt.Errorf("share %s with %s: %w", dir, a.name, err)
	}
	if err := os.Chmod(dir, info.Mode().Perm()|0o010); err != nil {
		return fmt.Errorf("share %s with %s: %w", dir, a.name, err)
	}
	return nil
}
