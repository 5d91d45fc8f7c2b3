package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// smallestSecret is the size of SHA-256's result, below which an HS256 key is the weakest part.
const smallestSecret = 32

// largestPort is the last port of TCP.
const largestPort = 65535

// Validate checks every setting and how they fit together, and reports all mistakes at once. Load has
// done so already; call it again after flags have changed something.
func (s Settings) Validate() error {
	var found mistakes
	s.check(&found)
	return found.err()
}

func (s Settings) check(found *mistakes) {
	for _, f := range fields(&s) {
		checkField(f, found)
	}
	for _, name := range s.ClusterNames()[1:] {
		checkDatabaseURL(clusterVariableOf(name, false), s.Clusters[name].URL, found)
		checkDatabaseURL(clusterVariableOf(name, true), s.Clusters[name].OwnerURL, found)
	}
	s.checkLogins(found)
	s.checkKeys(found)
	s.checkTimes(found)
	s.checkRetention(found)
}

// checkField applies the bounds in a setting's tags.
func checkField(f field, found *mistakes) {
	switch value := f.value.Interface().(type) {
	case string:
		checkText(f, value, found)
	case time.Duration:
		if least, err := time.ParseDuration(f.tag.Get("min")); err == nil && value < least {
			found.addf(f.variable, "must be at least %s", f.tag.Get("min"))
		}
	default:
		if f.value.CanInt() {
			checkNumber(f, f.value.Int(), found)
		}
	}
}

func checkNumber(f field, value int64, found *mistakes) {
	if least, err := strconv.ParseInt(f.tag.Get("min"), 10, 64); err == nil && value < least {
		found.addf(f.variable, "must be at least %d", least)
	}
	if most, err := strconv.ParseInt(f.tag.Get("max"), 10, 64); err == nil && value > most {
		found.addf(f.variable, "must be at most %d", most)
	}
}

func checkText(f field, value string, found *mistakes) {
	if value == "" {
		if f.tag.Get("required") == "true" {
			found.addf(f.variable, "must not be empty")
		}
		return
	}
	if allowed := strings.Fields(f.tag.Get("oneof")); len(allowed) > 0 && !slices.Contains(allowed, value) {
		found.addf(f.variable, "must be %s", strings.Join(allowed, " or "))
	}
	checkFormat(f.variable, f.tag.Get("format"), value, found)
}

func checkFormat(variable, format, value string, found *mistakes) {
	switch format {
	case "postgres":
		checkDatabaseURL(variable, value, found)
	case "nats":
		if _, ok := parseNATSURLs(value); !ok {
			found.addf(variable, "%s", problemNATSURL)
		}
	case "https":
		if !isKeySetURL(value) {
			found.addf(variable, "%s", problemHTTPSURL)
		}
	case "address":
		if !isAddress(value) {
			found.addf(variable, `must be host:port such as "127.0.0.1:8080", or ":8080" for every address`)
		}
	}
}

func checkDatabaseURL(variable, value string, found *mistakes) {
	if _, ok := parseDatabaseURL(value); !ok && value != "" {
		found.addf(variable, "%s", problemDatabaseURL)
	}
}

func isAddress(value string) bool {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return false
	}
	number, err := strconv.Atoi(port)
	return err == nil && number >= 0 && number <= largestPort
}

// checkLogins refuses one login for both jobs: the application's must not be able to change schemas.
func (s Settings) checkLogins(found *mistakes) {
	for _, name := range s.ClusterNames() {
		cluster, _ := s.Cluster(name)
		app, owner := userOf(cluster.URL), userOf(cluster.OwnerURL)
		if app == "" || app != owner {
			continue
		}
		variable := clusterVariableOf(name, true)
		if name == HomeCluster {
			variable = "TENANTRY_OWNER_DATABASE_URL"
		}
		found.addf(variable, "must be another login than the application's, which may not change schemas")
	}
}

func userOf(text string) string {
	parsed, ok := parseDatabaseURL(text)
	if !ok {
		return ""
	}
	return parsed.User.Username()
}

func (s Settings) checkKeys(found *mistakes) {
	if secret := s.JWT.Secret.Reveal(); secret != "" && len(secret) < smallestSecret {
		found.addf("TENANTRY_JWT_SECRET",
			`must be at least %d bytes; "openssl rand -base64 48" makes one`, smallestSecret)
	}
	if s.JWT.Secret != "" && s.JWT.JWKSURL != "" {
		found.addf("TENANTRY_JWT_JWKS_URL",
			"must be unset while TENANTRY_JWT_SECRET is set: one kind of key decides which algorithms are allowed")
	}
}

func (s Settings) checkTimes(found *mistakes) {
	if s.Stream.MaxAge > 0 && s.Stream.DuplicateWindow > s.Stream.MaxAge {
		found.addf("TENANTRY_STREAM_DUPLICATE_WINDOW", "must not be longer than TENANTRY_STREAM_MAX_AGE")
	}
	if s.Worker.RetryMax < s.Worker.RetryMin {
		found.addf("TENANTRY_WORKER_RETRY_MAX", "must not be shorter than TENANTRY_WORKER_RETRY_MIN")
	}
}

// shortestRetention is what the audit relies on to tell pruned events from others.
const shortestRetention = time.Minute

// checkRetention keeps what tells that an event was published at least as long as the broker knows it.
func (s Settings) checkRetention(found *mistakes) {
	least := max(s.Stream.DuplicateWindow, shortestRetention)
	check := func(variable string, keep time.Duration) {
		if keep > 0 && keep < least {
			found.addf(variable, "must be 0s, or at least %s: the broker knows events so long (TENANTRY_STREAM_DUPLICATE_WINDOW)", least)
		}
	}
	check("TENANTRY_RETENTION_MESSAGES", s.Retention.Messages)
	check("TENANTRY_RETENTION_INBOX", s.Retention.Inbox)
}
