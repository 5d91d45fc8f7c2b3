package modules_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// payloads are what attackers send where a text is expected. {b} is another tenant's schema.
func payloads(other *estate) []string {
	all := []string{
		"", " ", "'", "''", `"`, "`", "\\", "\\'", "%", "_", "%%", "*", ";", "--", "/*", "*/", "$1", "$2", "?", ":x", "@x", "{}", "[]", "null", "true", "-1",
		"'; drop table users; --", "'); drop schema {b} cascade; --", "\"; drop table users; --", "1; drop table users", "x' or '1'='1", "x\" or \"1\"=\"1",
		"' union select email from {b}.users --", "' || (select email from {b}.users limit 1) || '", "'||set_config('role','{b}',true)||'",
		"1) or 1=1 --", "' and 1=cast((select email from {b}.users limit 1) as int) --", "'; set role {b}; select * from users; --",
		"'; copy users to program 'id'; --", "' or pg_sleep(20) is null --", "1;select pg_sleep(20)", "E'\\x27'", "$$; drop table users; $$", "$tag$x$tag$",
		"\x00", "a\x00b", "%00", "%2500", "\\x00", "\\u0000", "\\0", "\ufeff'", "\u2019 or 1=1", "\uff07 or 1=1 --", "\u02bc", "\xbf'", "\xbf\x27 or 1=1", "\xc0\xa7", "\xff\xfe", "\xed\xa0\x80",
		"a\r\nX-Injected: yes", "a\nb", "\x1b[31m", "\u202e", "../../../etc/passwd", "..%2f..%2fadmin%2fv1%2ftenants", "%2e%2e/", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>",
		"events.>", "*.>", "{b}.users", "{b}", "pg_catalog.pg_authid", "0", "1e400", "9223372036854775808", "-9223372036854775809", "NaN", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "infinity",
		`{"$ne":null}`, `"; "`, `W/"1"`, `"1" or 1=1`, `"1","2"`, "*", "bearer x", strings.Repeat("a", 300), strings.Repeat("'", 9000), strings.Repeat("\u00e4", 4000), strings.Repeat("(", 5000),
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "{b}", other.Tenant.Tenant.SchemaName)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestInjectionThroughEveryInput puts every payload into every text of every operation, as somebody who
// may call it: never an internal error, never another tenant's data, never a table more or less.
func TestInjectionThroughEveryInput(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	reader, other := newEstate(t), newEstate(t)
	for id, op := range requireRules(t, d) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			own := reader
			if op.method != http.MethodGet {
				own = newEstate(t)
			}
			inject(t, d, id, op, own, other)
		})
	}
}

// inject attacks one operation as a tenant, or as an operator.
func inject(t *testing.T, d document, id string, op *operation, own, other *estate) {
	t.Helper()
	token := own.Token(t, tenants.Admin)
	if op.operator() {
		token = apptest.OperatorToken(t)
	}
	before, marks, tables := other.snapshot(t), other.marks(t), shape(t, own, other)
	w, s := dial(t), existing(own)
	for _, in := range d.inputs(op) {
		for n, payload := range payloads(other) {
			valid := rules()[id].about(s)
			if id == "onboard-tenant" && n%12 == 0 { // each that is new costs its time
				valid = putAll(valid, "slug", apptest.NewSlug())
			}
			c := in.put(valid, payload)
			got := w.send(t, c.method, c.path, encode(t, in.put(valid, marker).body, payload), append([]string{"Authorization", "Bearer " + token}, c.headers...))
			requireHarmless(t, fmt.Sprintf("%s with %q: %.300s", in.name, payload, c), got)
			if !op.operator() {
				requireNoTrace(t, marks, c.String(), fmt.Sprint(got.body, got.header))
			}
			if got.status < http.StatusMultipleChoices && op.method != http.MethodGet {
				s = renew(t, s, op)
			}
		}
	}
	require.Equal(t, before, other.snapshot(t))
	require.Equal(t, tables, shape(t, own, other))
}

func putAll(c call, name string, value any) call {
	c.body = cloneWith(c.body.(map[string]any), name, value)
	return c
}

// renew makes a subject whose version is known again, after a payload was accepted.
func renew(t *testing.T, s subject, op *operation) subject {
	t.Helper()
	if !op.operator() {
		return spare(t, s.estate)
	}
	tenant, err := apptest.Tenants().Get(t.Context(), apptest.Operator(), s.Tenant.Tenant.ID)
	require.NoError(t, err)
	s.Tenant.Tenant = tenant
	return s
}

func requireHarmless(t *testing.T, sent string, got answer) {
	t.Helper()
	require.Less(t, got.status, http.StatusInternalServerError, "%s: %s", sent, got.body)
	require.Less(t, time.Since(got.began), 10*time.Second, sent)
	require.Empty(t, got.header.Get("X-Injected"), sent)
	for _, inner := range []string{"SQLSTATE", "pgconn", "pq:", "gorm", "goroutine", ".go:", "tenantry_app", "syntax error"} {
		require.NotContains(t, got.body, inner, sent)
	}
	if got.status >= http.StatusBadRequest && got.body != "" {
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), "%s: %s", sent, got.body)
	}
}

// shape is which tables, columns, functions and rights there are.
func shape(t *testing.T, estates ...*estate) []string {
	t.Helper()
	schemas := []string{"control", "dispatch", "public"}
	for _, e := range estates {
		schemas = append(schemas, e.Tenant.Tenant.SchemaName)
	}
	return texts(t, `
		select n.nspname || '.' || c.relname || ' ' || coalesce(c.relacl::text, '') || ' ' || (
			select string_agg(a.attname, ',' order by a.attnum) from pg_attribute a where a.attrelid = c.oid)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any ($1)
		union all select n.nspname || '.' || p.proname || md5(p.prosrc) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any ($1)
		union all select r.rolname || r.rolsuper || r.rolcanlogin from pg_roles r where r.rolname = any ($1) or r.rolname like 'tenantry%'
		order by 1`, schemas)
}

// marker stands for the payload until the body is JSON, which would put another text in the place of one
// that is no UTF-8.
const marker = "the-payload-goes-here"

// encode is a body's JSON, with the bytes of the payload as they are but for what JSON must escape.
func encode(t *testing.T, body any, payload string) []byte {
	t.Helper()
	if body == nil {
		return nil
	}
	text, err := json.Marshal(body)
	require.NoError(t, err)
	var quoted strings.Builder
	for _, b := range []byte(payload) {
		switch {
		case b < ' ':
			fmt.Fprintf(&quoted, `\u%04x`, b)
		case b == '"' || b == '\\':
			quoted.WriteByte('\\')
			fallthrough
		default:
			quoted.WriteByte(b)
		}
	}
	return []byte(strings.ReplaceAll(string(text), marker, quoted.String()))
}

// TestInjectionThroughWhatEveryRequestCarries puts every payload into the headers that no document names,
// and into the claims of a token whose issuer did not look at them.
func TestInjectionThroughWhatEveryRequestCarries(t *testing.T) {
	t.Parallel()
	own, other := newEstate(t), newEstate(t)
	before, tables := other.snapshot(t), shape(t, own, other)
	w, good := dial(t), own.Token(t, tenants.Admin)
	for n, payload := range payloads(other) {
		line := strings.NewReplacer("\r", " ", "\n", " ").Replace(payload)
		for _, header := range []string{"Authorization", "X-Request-Id", "traceparent", "Accept", "Accept-Encoding", "Content-Encoding", "Origin", "User-Agent", "X-Forwarded-For", "Cookie", "If-None-Match", "Range"} {
			headers := []string{header, line}
			if header != "Authorization" {
				headers = append(headers, "Authorization", "Bearer "+good)
			}
			got := w.send(t, http.MethodGet, "/v1/users/"+own.UserID, nil, headers)
			requireHarmless(t, fmt.Sprintf("%s: %q", header, payload), got)
		}
		for _, claim := range []string{"sub", "tenant", "roles", "iss", "aud", "jti"} {
			token := signed(t, jwt.SigningMethodHS256, ours(), claimsOf(own, func(c jwt.MapClaims) { c[claim] = payload }))
			body := fmt.Sprintf(`{"email":"%s-%d@%s.example","name":"N","role":"member"}`, claim, n, own.Slug)
			got := w.send(t, http.MethodPost, "/v1/users", []byte(body), []string{"Authorization", "Bearer " + token})
			requireHarmless(t, fmt.Sprintf("claim %s: %q", claim, payload), got)
		}
	}
	require.Equal(t, before, other.snapshot(t))
	require.Equal(t, tables, shape(t, own, other))
	own.Settle(t)
	for _, message := range own.Published(t) {
		require.Equal(t, "events."+own.Slug+"."+message.Name(), message.Subject)
	}
	require.Zero(t, failedDeliveries(t, own)-1, "whatever was accepted can be published; one was dead before")
}

func failedDeliveries(t *testing.T, e *estate) (count int) {
	t.Helper()
	scan(t, &count, "select count(*) from "+e.table("deliveries"))
	return count
}
