package modules_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/tenants"
)

// refusal is what a bearer is answered, at the doors of tenants and of operators.
type refusal struct {
	authorization string
	tenant, admin int
	tenantCode    string
}

// claimsOf are those of a valid token of an estate's admin, with a change.
func claimsOf(e *estate, change func(jwt.MapClaims)) jwt.MapClaims {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": apptest.Settings().JWT.Issuer, "aud": apptest.Settings().JWT.Audience, "sub": e.OwnerID,
		"exp": now.Add(time.Hour).Unix(), "tenant": e.Slug, "roles": []string{"admin"},
	}
	change(claims)
	return claims
}

func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return token
}

func ours() []byte { return []byte(apptest.Settings().JWT.Secret.Reveal()) }

// bearers are all who are to be refused everywhere.
func bearers(t *testing.T, e *estate) map[string]refusal {
	t.Helper()
	with := func(change func(jwt.MapClaims)) string {
		return "Bearer " + signed(t, jwt.SigningMethodHS256, ours(), claimsOf(e, change))
	}
	as := func(key, value any) string { return with(func(c jwt.MapClaims) { c[key.(string)] = value }) }
	without := func(key string) string { return with(func(c jwt.MapClaims) { delete(c, key) }) }
	same := func(jwt.MapClaims) {}
	good := strings.TrimPrefix(with(same), "Bearer ")
	parts := strings.Split(good, ".")
	headed := func(header string) string {
		return "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "."
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	all := map[string]string{
		"nobody": "", "nothing": "Bearer", "an empty token": "Bearer ", "nonsense": "Bearer nonsense", "dots": "Bearer ..",
		"another scheme": "Basic " + good, "no scheme": good, "two tokens": "Bearer " + good + " " + good, "a comma": "Bearer " + good + "," + good,
		"no signature": "Bearer " + parts[0] + "." + parts[1] + ".", "another's signature": "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", 43),
		"changed claims": "Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + "." + parts[2],
		"alg none":       "Bearer " + signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claimsOf(e, same)),
		"alg None":       headed(`{"alg":"None","typ":"JWT"}`) + parts[2], "alg nOnE": headed(`{"alg":"nOnE"}`), "no alg": headed(`{}`) + parts[2],
		"another key":         "Bearer " + signed(t, jwt.SigningMethodHS256, []byte("another-key-of-thirty-two-bytes-!"), claimsOf(e, same)),
		"no key":              "Bearer " + signed(t, jwt.SigningMethodHS256, []byte{}, claimsOf(e, same)),
		"another hash":        "Bearer " + signed(t, jwt.SigningMethodHS512, ours(), claimsOf(e, same)),
		"another kind of key": "Bearer " + signed(t, jwt.SigningMethodEdDSA, other, claimsOf(e, same)),
		"another audience":    as("aud", "others"), "no audience": without("aud"), "another issuer": as("iss", "others"), "no issuer": without("iss"),
		"expired": as("exp", time.Now().Add(-time.Minute).Unix()), "no end": without("exp"), "an end in words": as("exp", "never"),
		"not yet": as("nbf", time.Now().Add(time.Minute).Unix()), "no subject": without("sub"), "an empty subject": as("sub", ""),
		"a subject with a line": as("sub", "a\nb"), "a subject with NUL": as("sub", "a\x00"), "no tenant": without("tenant"),
		"tenant and operator": as("roles", []string{"operator"}), "operator among others": as("roles", "admin operator"),
		"two tenants": as("tenant", []string{e.Slug, "x"}), "an empty tenant": as("tenant", ""), "oversize": as("x", strings.Repeat("x", 9000)),
	}
	refused := map[string]refusal{}
	for name, authorization := range all {
		refused[name] = refusal{authorization: authorization, tenant: 401, admin: 401, tenantCode: "unauthenticated"}
	}
	for name, tenant := range map[string]any{
		"an unknown tenant": apptest.NewSlug(), "an unknown id": uuid.NewString(), "a schema": e.Tenant.Tenant.SchemaName,
		"another's spelling": strings.ToUpper(e.Slug), "SQL": e.Slug + "' or '1'='1", "all": "%",
	} {
		refused[name] = refusal{authorization: as("tenant", tenant), tenant: 401, admin: 403, tenantCode: "unauthenticated"}
	}
	return refused
}

// TestEveryOperationRefusesWhoDoesNotShowAValidToken sends every operation with every token that is not
// one, and with those of a tenant whose doors are closed and of a user who is shut out.
func TestEveryOperationRefusesWhoDoesNotShowAValidToken(t *testing.T) {
	t.Parallel()
	own, suspended := newEstate(t), newEstate(t)
	refused := bearers(t, own)
	refused["a suspended tenant"] = refusal{authorization: "Bearer " + suspended.Token(t, tenants.Admin), tenant: 403, admin: 403, tenantCode: "tenant_suspended"}
	refused["a disabled user"] = refusal{authorization: "Bearer " + disabledUser(t, own), tenant: 401, admin: 403, tenantCode: "user_disabled"}
	_, err := apptest.Tenants().Suspend(t.Context(), apptest.Operator(), suspended.Slug)
	require.NoError(t, err)
	awaitClosed(t, suspended)
	before := own.snapshot(t)
	for id, op := range requireRules(t, readDocument(t)) {
		c := rules()[id].about(existing(own))
		for name, r := range refused {
			got := c.do(t, apptest.NewClient(""), "Authorization", r.authorization)
			if op.operator() {
				require.Equal(t, r.admin, got.Status, "%s by %s: %s", id, name, got.Body)
				continue
			}
			require.Equal(t, r.tenant, got.Status, "%s by %s: %s", id, name, got.Body)
			require.Equal(t, r.tenantCode, got.Code(t), "%s by %s", id, name)
			if r.tenant == http.StatusUnauthorized {
				require.Equal(t, "Bearer", got.Header.Get("WWW-Authenticate"))
			}
		}
	}
	require.Equal(t, before, own.snapshot(t))
}

// TestAValidTokenIsOneInEverySpelling: so the refusals above are not those of a broken test.
func TestAValidTokenIsOneInEverySpelling(t *testing.T) {
	t.Parallel()
	own := newEstate(t)
	for name, tenant := range map[string]string{"slug": own.Slug, "id": own.Tenant.Tenant.ID} {
		token := signed(t, jwt.SigningMethodHS256, ours(), claimsOf(own, func(c jwt.MapClaims) { c["tenant"] = tenant }))
		for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
			got := apptest.NewClient("").Get(t, "/v1/users", "Authorization", scheme+token)
			require.Equal(t, http.StatusOK, got.Status, "%s, %s: %s", name, scheme, got.Body)
			require.Contains(t, string(got.Body), own.Email)
		}
	}
}

// disabledUser is the token of a user who was shut out, and is known to be.
func disabledUser(t *testing.T, e *estate) string {
	t.Helper()
	id := e.newUser(t, e.freshEmail())
	token := apptest.Mint(t, tenants.TokenRequest{Tenant: e.Slug, UserID: id, Roles: []tenants.Role{tenants.Admin}})
	changing(http.MethodPost, "/disable")(subject{estate: e, User: id}).do(t, e.Client(t, tenants.Admin)).Require(t, http.StatusOK)
	e.Settle(t)
	require.Eventually(t, func() bool {
		return apptest.NewClient(token).Get(t, "/v1/users").Status == http.StatusUnauthorized
	}, patience, interval)
	return token
}

// awaitClosed waits until the API has noticed that a tenant's doors are closed.
func awaitClosed(t *testing.T, e *estate) {
	t.Helper()
	client := e.Client(t, tenants.Admin)
	require.Eventually(t, func() bool { return client.Get(t, "/v1/users").Status == http.StatusForbidden }, patience, interval)
}
