package config

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// The problems below never contain any part of the URL: where a password holds a character that has
// a meaning in URLs, any part of it may be a part of the password.
const (
	problemDatabaseURL = `must be a URL such as "postgres://user@host:5432/database"` + encoded
	problemNATSURL     = `must be a URL such as "nats://host:4222" (or tls, ws, wss), or several with commas` + encoded
	problemHTTPSURL    = `must be a URL that begins with https:// (http:// only to this machine)`

	encoded = `, with any of @ : / ? # % in its password percent-encoded`
)

// parseURL parses a URL with a host, and refuses one in which a character of the password has
// probably ended the user part, because what follows would then be taken for a host or a path.
func parseURL(text string, schemes ...string) (*url.URL, bool) {
	parsed, err := url.Parse(text)
	if err != nil || !slices.Contains(schemes, parsed.Scheme) || parsed.Opaque != "" {
		return nil, false
	}
	if strings.ContainsRune(text, '#') || strings.ContainsRune(parsed.EscapedPath()+parsed.RawQuery, '@') {
		return nil, false
	}
	return parsed, true
}

// parseDatabaseURL accepts a host in the query too, as a Unix socket's folder is given.
func parseDatabaseURL(text string) (*url.URL, bool) {
	parsed, ok := parseURL(text, "postgres", "postgresql")
	if !ok || strings.Contains(strings.TrimPrefix(parsed.Path, "/"), "/") {
		return nil, false
	}
	return parsed, parsed.Host != "" || parsed.Query().Get("host") != ""
}

// parseNATSURLs parses a comma-separated list of servers.
func parseNATSURLs(text string) ([]*url.URL, bool) {
	var servers []*url.URL
	for part := range strings.SplitSeq(text, ",") {
		parsed, ok := parseURL(strings.TrimSpace(part), "nats", "tls", "ws", "wss")
		if !ok || parsed.Hostname() == "" {
			return nil, false
		}
		servers = append(servers, parsed)
	}
	return servers, true
}

// isKeySetURL accepts plain HTTP to this machine only: who can change an answer on its way could
// otherwise hand out keys of their own, and with them any token.
func isKeySetURL(text string) bool {
	parsed, ok := parseURL(text, "https", "http")
	if !ok || parsed.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	local := parsed.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return parsed.Scheme == "https" || local
}

// maskDatabaseURL shows a database URL without its passwords, or only "***" when it is no such URL.
func maskDatabaseURL(text string) string {
	if text == "" {
		return ""
	}
	parsed, ok := parseDatabaseURL(text)
	if !ok {
		return mask
	}
	return maskURL(parsed)
}

// maskNATSURLs does the same for servers. A user without a password is a token there, so it is
// hidden too. A list with credentials is hidden as a whole: a password may hold a comma, and what
// follows it would look like a host.
func maskNATSURLs(text string) string {
	if text == "" {
		return ""
	}
	servers, ok := parseNATSURLs(text)
	if !ok || len(servers) > 1 && strings.ContainsRune(text, '@') {
		return mask
	}
	shown := make([]string, len(servers))
	for i, server := range servers {
		if _, hasPassword := server.User.Password(); server.User != nil && !hasPassword {
			server.User = url.User(mask)
		}
		shown[i] = maskURL(server)
	}
	return strings.Join(shown, ",")
}

// maskKeySetURL hides what a key set's URL may carry as credentials.
func maskKeySetURL(text string) string {
	if text == "" || !isKeySetURL(text) {
		return Secret(text).String()
	}
	parsed, _ := parseURL(text, "https", "http")
	return maskURL(parsed)
}

// maskURL keeps the user's name and replaces the password, and every value in the query whose name
// is not known to be harmless.
func maskURL(parsed *url.URL) string {
	shown := *parsed
	if _, hasPassword := parsed.User.Password(); hasPassword {
		shown.User = url.UserPassword(parsed.User.Username(), mask)
	}
	query := parsed.Query()
	for name, values := range query {
		if !slices.Contains(harmlessParameters(), name) {
			for i := range values {
				values[i] = mask
			}
		}
	}
	shown.RawQuery = query.Encode()
	return strings.ReplaceAll(shown.String(), "%2A%2A%2A", mask)
}

func harmlessParameters() []string {
	return []string{"host", "port", "dbname", "user", "sslmode", "application_name", "connect_timeout"}
}
