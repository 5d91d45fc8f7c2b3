//go:build unix

package embedded

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
)

// install makes a folder whose programs claim to be a PostgreSQL of some version.
func install(t *testing.T, major int) string {
	t.Helper()
	dir := t.TempDir()
	for _, program := range []string{"initdb", "postgres"} {
		script := "#!/bin/sh\necho '" + program + " (PostgreSQL) " + strconv.Itoa(major) + ".1'\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700))
	}
	return dir
}

// lookup searches the folders only, and fails to download.
func lookup(folders ...string) search {
	return search{
		folders:  func(context.Context) []string { return folders },
		download: func(context.Context, int, account) (string, error) { return "", errors.New("no network") },
		log:      slog.New(slog.DiscardHandler),
	}
}

func TestSearchTakesTheFirstThatIsNewEnough(t *testing.T) {
	t.Parallel()
	old, good, newer := install(t, 13), install(t, 14), install(t, 17)
	broken := t.TempDir()
	where := lookup(filepath.Join(broken, "missing"), broken, old, good, newer)
	found, err := where.find(t.Context(), 0, account{})
	require.NoError(t, err)
	require.Equal(t, binaries{dir: good, major: 14}, found)
}

func TestSearchKeepsTheVersionOfACluster(t *testing.T) {
	t.Parallel()
	where := lookup(install(t, 18), install(t, 15))
	found, err := where.find(t.Context(), 15, account{})
	require.NoError(t, err)
	require.Equal(t, 15, found.major)

	_, err = where.find(t.Context(), 16, account{})
	require.Equal(t, "postgres_missing", fault.CodeOf(err))
	require.ErrorContains(t, err, "PostgreSQL 16, which made this data folder")
}

func TestSearchSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	_, err := lookup(install(t, 13)).find(t.Context(), 0, account{})
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Equal(t, "postgres_missing", fault.CodeOf(err))
	require.ErrorContains(t, err, "install PostgreSQL 14 or newer, or set TENANTRY_DATABASE_URL")
}

func TestInstalledFoldersPreferNewerVersions(t *testing.T) {
	t.Parallel()
	require.Equal(t, 17, versionIn("/usr/lib/postgresql/17/bin"))
	require.Equal(t, 9, versionIn("/usr/lib/postgresql/9.6/bin"))
	require.Zero(t, versionIn("/usr/local/pgsql/bin"))
	for _, dir := range installedFolders(t.Context()) {
		require.True(t, filepath.IsAbs(dir), dir)
	}
}

// repository serves an archive like the real one's, with programs that only tell a version.
func repository(t *testing.T, requests *[]string) string {
	t.Helper()
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	inner, err := archive.Create("postgres-any-x86_64.txz")
	require.NoError(t, err)
	packed, err := os.ReadFile("testdata/postgresql.txz")
	require.NoError(t, err)
	_, err = inner.Write(packed)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	sum := sha256.Sum256(jar.Bytes())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r.URL.Path)
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
			return
		}
		_, _ = w.Write(jar.Bytes())
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server.URL
}

func TestDownloadHappensOnce(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	var requests []string
	url := repository(t, &requests)
	for range 2 {
		dir, err := download(t.Context(), url, home, 18)
		require.NoError(t, err)
		found, ok := probe(t.Context(), dir, account{})
		require.True(t, ok)
		require.Equal(t, binaries{dir: dir, major: 18}, found)
	}
	require.Len(t, requests, 2, "the archive and its checksum")
	names, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Len(t, names, 1, "nothing but the installation stays")
}

func TestDownloadThatFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	home := t.TempDir()
	_, err := download(t.Context(), server.URL, home, 18)
	require.ErrorContains(t, err, "no version found")
	names, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, names)

	_, err = download(t.Context(), server.URL, home, 13)
	require.ErrorContains(t, err, "no download of PostgreSQL 13")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = download(ctx, server.URL, home, 0)
	require.ErrorIs(t, err, context.Canceled)
}
