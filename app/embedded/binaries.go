package embedded

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

// oldestMajor is the oldest PostgreSQL that the program works with.
const oldestMajor = 14

// probeTimeout bounds the question for a version, so that a broken binary cannot hang a start.
const probeTimeout = 10 * time.Second

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir   string
	major int
}

func (b binaries) path(program string) string {
	return filepath.Join(b.dir, program+executableSuffix())
}

// search says where to look for PostgreSQL; tests replace its parts.
type search struct {
	// folders lists candidates, the preferred first.
	folders func(ctx context.Context) []string
	// download fetches an installation of a major version, 0 for any.
	download func(ctx context.Context, major int, as account) (string, error)
	log      *slog.Logger
}

// find returns an installation that the account can run: of exactly the given major version where
// a cluster exists already, else the first that is new enough, else a downloaded one.
func (s search) find(ctx context.Context, major int, as account) (binaries, error) {
	for _, dir := range s.folders(ctx) {
		found, ok := probe(ctx, dir, as)
		if ok && fits(found.major, major) {
			return found, nil
		}
	}
	s.log.Info("no usable PostgreSQL on this machine, downloading one")
	dir, err := s.download(ctx, major, as)
	if err != nil {
		return binaries{}, missing(major, err)
	}
	found, ok := probe(ctx, dir, as)
	if !ok || !fits(found.major, major) {
		return binaries{}, missing(major, os.ErrNotExist)
	}
	return found, nil
}

func fits(found, wanted int) bool {
	if wanted != 0 {
		return found == wanted
	}
	return found >= oldestMajor
}

func missing(major int, cause error) error {
	wanted := "PostgreSQL 14 or newer"
	if major != 0 {
		wanted = "PostgreSQL " + strconv.Itoa(major) + ", which made this data folder"
	}
	return fault.New(fault.Unavailable, "postgres_missing",
		"No usable PostgreSQL was found on this machine and none could be downloaded: "+
			"install %s, or set TENANTRY_DATABASE_URL.",
		wanted).Because(cause)
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// probe runs both programs that are needed, as the user that will run them: that is the only way
// to know that this user may.
func probe(ctx context.Context, dir string, as account) (binaries, bool) {
	found := binaries{dir: dir}
	for _, program := range []string{"initdb", "postgres"} {
		major, ok := versionOf(ctx, found.path(program), as)
		if !ok {
			return binaries{}, false
		}
		found.major = major
	}
	return found, true
}

func versionOf(ctx context.Context, path string, as account) (int, bool) {
	if _, err := os.Stat(path); err != nil {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	output, err := as.command(ctx, path, "--version").Output()
	if err != nil {
		return 0, false
	}
	match := versionPattern.FindSubmatch(output)
	if match == nil {
		return 0, false
	}
	major, err := strconv.Atoi(string(match[1]))
	return major, err == nil
}

// installedFolders lists where PostgreSQL usually is: what the user chose with PATH first, then
// the usual places, where newer versions come first.
func installedFolders(ctx context.Context) []string {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
		folders = append(folders, filepath.Dir(path))
	}
	if output, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(output)))
	}
	for _, pattern := range usualPlaces() {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		sort.SliceStable(matches, func(i, j int) bool { return versionIn(matches[i]) > versionIn(matches[j]) })
		folders = append(folders, matches...)
	}
	return folders
}

func usualPlaces() []string {
	if runtime.GOOS == "windows" {
		return []string{`C:\Program Files\PostgreSQL\*\bin`}
	}
	return []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/lib/postgresql*/bin",
		"/usr/pgsql-*/bin",
		"/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/opt/homebrew/opt/postgresql/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql/bin",
		"/usr/local/pgsql/bin",
		"/usr/local/bin",
		"/opt/local/lib/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/Library/PostgreSQL/*/bin",
	}
}

var numberPattern = regexp.MustCompile(`\d+`)

func versionIn(path string) int {
	number, err := strconv.Atoi(numberPattern.FindString(path))
	if err != nil {
		return 0
	}
	return number
}

func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
