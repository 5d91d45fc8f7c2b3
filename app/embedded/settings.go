package embedded

import (
	"maps"
	"slices"
	"strconv"
)

// serverSettings are chosen for a developer's machine of two cores; a production server has its own.
func serverSettings(throwaway bool) map[string]string {
	settings := map[string]string{ //nolint:gosec // password_encryption is no password
		// Loopback only, and no socket files, whose folder the server's user might not be able to write.
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"ssl":                     "off",

		"max_connections": "200",
		// A transaction may touch the tables of 200 tenants.
		"max_locks_per_transaction": "256",
		"shared_buffers":            "256MB",
		"max_wal_size":              "2GB",
		"random_page_cost":          "1.1",
		"jit":                       "off",
		"timezone":                  "UTC",

		// The log says what happened, not with which data: no statements, no values of rows.
		"log_timezone":              "UTC",
		"log_min_error_statement":   "panic",
		"log_error_verbosity":       "terse",
		"logging_collector":         "off",
		"log_destination":           "stderr",
		"log_checkpoints":           "off",
		"log_line_prefix":           "%m [%p] ",
		"lc_messages":               "C",
		"password_encryption":       "scram-sha-256",
		"max_prepared_transactions": "0",
	}
	if throwaway {
		// Nothing is synced to the disk, so only the machine's own end loses data. A commit is still
		// handed to the system: tests kill the server and look for what was committed.
		maps.Copy(settings, map[string]string{
			"fsync": "off", "full_page_writes": "off",
			"wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "128MB",
		})
	}
	return settings
}

// serverArguments puts the settings, the caller's last, into the server's arguments: the files of
// the cluster stay as initdb made them, and a new default takes effect on old clusters too.
func serverArguments(dir string, port int, throwaway bool, extra map[string]string) []string {
	settings := serverSettings(throwaway)
	maps.Copy(settings, extra)
	args := make([]string, 0, 2*len(settings)+4)
	args = append(args, "-D", dir, "-p", strconv.Itoa(port))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
