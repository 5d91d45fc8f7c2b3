package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// account is the operating-system user that PostgreSQL's programs run as. The zero value is the
// user of this process, which is right for everybody but root: PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid int
	// switched says that programs must change to this user.
	switched bool
}

// command prepares a program of PostgreSQL to run as the account, from a folder that every user
// may enter and with an environment that holds neither our secrets nor PostgreSQL's own variables.
func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = neutralFolder()
	cmd.Env = environment(os.Environ())
	a.apply(cmd)
	return cmd
}

// own gives a file or folder to the account.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	// A link is not followed: the account may already own the folder around.
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, a.name, err)
	}
	return nil
}

// environment keeps only what a program needs to run at all. Messages stay in English, because
// some of them are recognized.
func environment(all []string) []string {
	kept := []string{"LC_ALL=C", "LANG=C"}
	for _, entry := range all {
		name, _, _ := strings.Cut(entry, "=")
		switch strings.ToUpper(name) {
		case "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR", "TEMP", "TMP":
			kept = append(kept, entry)
		}
	}
	return kept
}
