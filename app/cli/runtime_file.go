package cli

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

const (
	runtimeName = "runtime.json"
	secretName  = "jwt.secret"
	// privateFile lets nobody but the owner read.
	privateFile = 0o600
)

// runtimeFile is how other commands reach a running up. It holds passwords and the signing key, so it
// is readable by its owner only, and it has no superuser's URL.
type runtimeFile struct {
	URL        string                 `json:"url"`
	MetricsURL string                 `json:"metrics_url"`
	NATSURL    string                 `json:"nats_url"`
	Database   clusterURLs            `json:"database"`
	Clusters   map[string]clusterURLs `json:"clusters,omitempty"`
	JWTSecret  string                 `json:"jwt_secret,omitempty"`
}

type clusterURLs struct {
	URL      string `json:"url"`
	OwnerURL string `json:"owner_url"`
}

func newRuntimeFile(settings config.Settings, url, metricsURL string) runtimeFile {
	file := runtimeFile{
		URL: url, MetricsURL: metricsURL, NATSURL: settings.NATSURL,
		Database:  clusterURLs{settings.DatabaseURL, settings.OwnerDatabaseURL},
		Clusters:  map[string]clusterURLs{},
		JWTSecret: settings.JWT.Secret.Reveal(),
	}
	for name, cluster := range settings.Clusters {
		file.Clusters[name] = clusterURLs{cluster.URL, cluster.OwnerURL}
	}
	return file
}

// fill completes the settings with how the running program is reached. What is set stays.
func (f runtimeFile) fill(settings config.Settings) config.Settings {
	if settings.DatabaseURL == "" {
		settings.DatabaseURL, settings.OwnerDatabaseURL = f.Database.URL, f.Database.OwnerURL
	}
	if settings.NATSURL == "" {
		settings.NATSURL = f.NATSURL
	}
	if settings.JWT.Secret == "" && settings.JWT.JWKSURL == "" {
		settings.JWT.Secret = config.Secret(f.JWTSecret)
	}
	if settings.Clusters == nil {
		settings.Clusters = map[string]config.Cluster{}
	}
	for name, urls := range f.Clusters {
		if _, set := settings.Clusters[name]; !set {
			settings.Clusters[name] = config.Cluster{URL: urls.URL, OwnerURL: urls.OwnerURL}
		}
	}
	return settings
}

// readRuntimeFile returns how to reach the program that runs in the data folder, nil when none does.
// The file of one that was killed is left over and means nothing.
func readRuntimeFile(data string) (*runtimeFile, error) {
	inUse, err := embedded.InUse(data)
	if err != nil || !inUse {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(data, runtimeName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Unavailable, "not_ready",
			"The program in the data folder %s is starting or stopping; try again.", data)
	}
	if err != nil {
		return nil, fmt.Errorf("read how to reach the program in %s: %w", data, err)
	}
	var file runtimeFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", runtimeName, data, err)
	}
	return &file, nil
}

func writeRuntimeFile(data string, file runtimeFile) error {
	text, err := json.MarshalIndent(file, "", "  ") //nolint:gosec // the file is what keeps the key
	if err != nil {
		return fmt.Errorf("encode %s: %w", runtimeName, err)
	}
	return writePrivate(filepath.Join(data, runtimeName), text)
}

func removeRuntimeFile(data string) error {
	err := os.Remove(filepath.Join(data, runtimeName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", runtimeName, err)
	}
	return nil
}

// keptSecret returns the data folder's signing key, which is made once, so that tokens outlive a
// restart.
func keptSecret(data string) (config.Secret, error) {
	name := filepath.Join(data, secretName)
	text, err := os.ReadFile(name)
	if err == nil {
		return config.Secret(strings.TrimSpace(string(text))), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	made := rand.Text() + rand.Text()
	if err := writePrivate(name, []byte(made+"\n")); err != nil {
		return "", err
	}
	return config.Secret(made), nil
}

// writePrivate writes a file that is whole or not there, and that nobody else can read at any moment.
func writePrivate(name string, text []byte) error {
	unfinished := name + ".unfinished"
	if err := os.WriteFile(unfinished, text, privateFile); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(unfinished, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
