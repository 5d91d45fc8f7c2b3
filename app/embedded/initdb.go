package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// passwordSuffix makes the name of the file that tells initdb the password.
const passwordSuffix = ".password"

// initdb makes the cluster's files in an empty folder that the account owns.
func initdb(ctx context.Context, bin binaries, as account, dir, password string, throwaway bool) error {
	secret, err := passwordFor(dir, as, password)
	if err != nil {
		return err
	}
	defer os.Remove(secret) //nolint:errcheck // it is below a private folder, and one more start discards it
	var failure error
	for _, locale := range locales(bin.major) {
		args := append(initdbArguments(bin.major, dir, secret, throwaway), locale...)
		output, err := as.command(ctx, bin.path("initdb"), args...).CombinedOutput()
		if err == nil {
			return nil
		}
		failure = fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(output)))
		if ctx.Err() != nil {
			break
		}
	}
	return failure
}

// passwordFor writes the superuser's password to a file beside the new cluster, because initdb
// wants its folder empty, that only the account can read.
func passwordFor(dir string, as account, password string) (string, error) {
	name := dir + passwordSuffix
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("remove old password file: %w", err)
	}
	file, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, privateFile)
	if err != nil {
		return "", fmt.Errorf("make password file: %w", err)
	}
	var ownErr error
	if as.switched {
		ownErr = file.Chown(as.uid, as.gid)
	}
	_, writeErr := file.WriteString(password + "\n")
	if err := errors.Join(ownErr, writeErr, file.Close()); err != nil {
		return "", fmt.Errorf("write password file: %w", err)
	}
	return name, nil
}

func initdbArguments(major int, dir, secret string, throwaway bool) []string {
	args := []string{
		"--pgdata=" + dir, "--username=" + superuser, "--pwfile=" + secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions",
	}
	if throwaway {
		args = append(args, "--no-sync")
		if major >= 18 {
			args = append(args, "--no-data-checksums")
		}
		return args
	}
	return append(args, "--data-checksums")
}

// locales lists what to try: bytewise order, which no update of the system's libraries can change
// under an index, with letters of all languages known to lower(); then the bare minimum.
func locales(major int) [][]string {
	const bytewise = "--locale=C"
	plain := []string{bytewise}
	switch {
	case major >= 17:
		return [][]string{{bytewise, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}, plain}
	case runtime.GOOS == "linux":
		return [][]string{{bytewise, "--lc-ctype=C.UTF-8"}, plain}
	default:
		return [][]string{{bytewise, "--lc-ctype=en_US.UTF-8"}, plain}
	}
}
