package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/module"
	"github.com/tenantry/tenantry/config"
)

const (
	// healthTimeout bounds the wait for the answer, longer than the program waits for its own servers.
	healthTimeout = 4 * time.Second
	maxHealth     = 64 << 10
)

// healthFlags say which program is asked.
type healthFlags struct {
	url    string
	worker bool
}

func (r *runner) health() *cobra.Command {
	var flags healthFlags
	cmd := r.takesJSON(&cobra.Command{
		Use:   "health",
		Short: "Ask a running program whether it is ready, for a container's health check",
		Long: "Ask a running program whether it is ready; the exit code says it.\n" +
			"The program is the one on TENANTRY_LISTEN (with --worker: TENANTRY_METRICS_LISTEN) if that is set,\n" +
			"else the up of the data folder if one runs, else the one on the default address.",
		Example: "  tenantry health\n  tenantry health --worker\n  tenantry health --url http://127.0.0.1:8080",
		Args:    takes(""),
		RunE: r.run(func(cmd *cobra.Command, _ []string) error {
			base, err := r.healthURL(flags)
			if err != nil {
				return err
			}
			health, err := askHealth(cmd.Context(), base)
			if err != nil {
				return err
			}
			return r.showHealth(health)
		}),
	})
	cmd.Flags().StringVar(&flags.url, "url", "", "the program's address")
	cmd.Flags().BoolVar(&flags.worker, "worker", false, "ask the listener of metrics and health, the only one that a worker has")
	cmd.MarkFlagsMutuallyExclusive("url", "worker")
	return cmd
}

// healthURL finds the program that is meant.
func (r *runner) healthURL(flags healthFlags) (string, error) {
	if flags.url != "" {
		parsed, err := url.Parse(flags.url)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			return "", usagef("--url must be an address such as http://127.0.0.1:8080.")
		}
		return strings.TrimSuffix(flags.url, "/"), nil
	}
	settings, err := config.Load(r.Environ)
	if err != nil {
		return "", err
	}
	variable, address := "TENANTRY_LISTEN=", settings.Listen
	if flags.worker {
		variable, address = "TENANTRY_METRICS_LISTEN=", settings.MetricsListen
	}
	set := slices.ContainsFunc(r.Environ, func(pair string) bool { return strings.HasPrefix(pair, variable) })
	if !set {
		running, err := readRuntimeFile(r.data)
		if err != nil {
			return "", err
		}
		if running != nil {
			return running.address(flags.worker), nil
		}
	}
	return localURL(address)
}

// address is where a running up answers.
func (f runtimeFile) address(metrics bool) string {
	if metrics {
		return f.MetricsURL
	}
	return f.URL
}

// localURL is how this machine reaches a listener.
func localURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", usagef("There is no listener to ask: it is off in the settings.")
	}
	if all, err := netip.ParseAddr(host); host == "" || err == nil && all.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// askHealth asks whether a program is ready.
func askHealth(ctx context.Context, base string) (app.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return app.Health{}, fmt.Errorf("prepare to ask %s: %w", base, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return app.Health{}, noHealth(base).Because(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	var health app.Health
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxHealth)).Decode(&health); err != nil || health.Status == "" {
		return app.Health{}, noHealth(base).Because(err)
	}
	return health, nil
}

func noHealth(base string) *fault.Error {
	return fault.New(fault.Unavailable, "no_answer", "No program says at %s whether it is ready.", base)
}

// showHealth prints the states. A program that is not ready makes the command fail.
func (r *runner) showHealth(health app.Health) error {
	rows := [][]string{{"program", health.Status}}
	for part, state := range map[string]string{"database": health.Database, "broker": health.Broker} {
		if state != "" {
			rows = append(rows, []string{part, state})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(health.Clusters)) {
		rows = append(rows, []string{"cluster " + name, health.Clusters[name]})
	}
	slices.SortStableFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if err := r.show(module.Result{JSON: health, Columns: []string{"part", "state"}, Rows: rows}); err != nil {
		return err
	}
	if health.Status != "ok" {
		return errReported
	}
	return nil
}
