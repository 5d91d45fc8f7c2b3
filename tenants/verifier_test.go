package tenants_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/tenants"
)

func secretSettings() config.JWT {
	return config.JWT{
		Secret: "0123456789abcdef0123456789abcdef", Issuer: "tenantry", Audience: "tenantry",
		TenantClaim: "tenant", RolesClaim: "roles",
	}
}

func verifierOf(t *testing.T, settings config.JWT) *tenants.Verifier {
	t.Helper()
	verifier, err := tenants.NewVerifier(t.Context(), settings)
	require.NoError(t, err)
	t.Cleanup(verifier.Close)
	return verifier
}

// goodClaims are those of a valid token of a tenant.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "tenantry", "aud": "tenantry", "sub": "u-1", "exp": time.Now().Add(time.Hour).Unix(),
		"tenant": "acme", "roles": []string{"admin"},
	}
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestVerifyReadsAMintedToken(t *testing.T) {
	t.Parallel()
	for _, settings := range []config.JWT{
		secretSettings(),
		{Secret: "0123456789abcdef0123456789abcdef", Issuer: "i", Audience: "a", TenantClaim: "app.tenant.id", RolesClaim: "app.roles"},
		{Secret: "0123456789abcdef0123456789abcdef", Issuer: "i", Audience: "a", TenantClaim: "https://example.com/tenant", RolesClaim: "https://example.com/roles"},
	} {
		token, err := tenants.Mint(settings, tenants.TokenRequest{Tenant: "acme", UserID: "u", Roles: []tenants.Role{tenants.Auditor, tenants.Admin}, Now: time.Now()})
		require.NoError(t, err)
		claims, err := verifierOf(t, settings).Verify(token)
		require.NoError(t, err)
		require.Equal(t, tenants.Claims{Subject: "u", Tenant: "acme", Roles: []tenants.Role{tenants.Admin, tenants.Auditor}}, claims)
	}
	_, err := tenants.Mint(config.JWT{}, tenants.TokenRequest{})
	require.Equal(t, "no_signing_key", fault.CodeOf(err))
}

func TestVerifyReadsRolesInEachForm(t *testing.T) {
	t.Parallel()
	verifier := verifierOf(t, secretSettings())
	for name, test := range map[string]struct {
		roles any
		want  []tenants.Role
	}{
		"list":         {[]string{"admin", "member"}, []tenants.Role{tenants.Member, tenants.Admin}},
		"text":         {"auditor  admin", []tenants.Role{tenants.Admin, tenants.Auditor}},
		"unknown":      {[]any{"root", "admin", 7, nil, "Admin"}, []tenants.Role{tenants.Admin}},
		"none":         {[]string{}, nil},
		"no list":      {42, nil},
		"absent":       {nil, nil},
		"repeated":     {"admin admin", []tenants.Role{tenants.Admin}},
		"not operator": {"operators", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := goodClaims()
			claims["roles"] = test.roles
			got, err := verifier.Verify(sign(t, jwt.SigningMethodHS256, []byte(secretSettings().Secret.Reveal()), claims))
			require.NoError(t, err)
			require.Equal(t, test.want, got.Roles)
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	verifier, secret := verifierOf(t, secretSettings()), []byte(secretSettings().Secret.Reveal())
	with := func(change func(jwt.MapClaims)) string {
		claims := goodClaims()
		change(claims)
		return sign(t, jwt.SigningMethodHS256, secret, claims)
	}
	good := with(func(jwt.MapClaims) {})
	_, err := verifier.Verify(good)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	headed := func(header string) string { return base64.RawURLEncoding.EncodeToString([]byte(header)) }
	critical := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims())
	critical.Header["crit"] = []string{"b64"}
	criticalToken, err := critical.SignedString(secret)
	require.NoError(t, err)

	for name, token := range map[string]string{
		"empty":                 "",
		"nonsense":              "nonsense",
		"alg none":              sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()),
		"alg None":              headed(`{"alg":"None"}`) + "." + parts[1] + ".",
		"no alg":                headed(`{}`) + "." + parts[1] + "." + parts[2],
		"another key":           sign(t, jwt.SigningMethodHS256, []byte("another-key-another-key-another-k"), goodClaims()),
		"empty key":             sign(t, jwt.SigningMethodHS256, []byte{}, goodClaims()),
		"longer hash":           sign(t, jwt.SigningMethodHS512, secret, goodClaims()),
		"another kind of key":   sign(t, jwt.SigningMethodRS256, rsaKey, goodClaims()),
		"no signature":          parts[0] + "." + parts[1] + ".",
		"changed":               parts[0] + "." + headed(`{"sub":"u"}`) + "." + parts[2],
		"loose base64":          good + "=",
		"critical header":       criticalToken,
		"audience":              with(func(c jwt.MapClaims) { c["aud"] = "another" }),
		"no audience":           with(func(c jwt.MapClaims) { delete(c, "aud") }),
		"issuer":                with(func(c jwt.MapClaims) { c["iss"] = "another" }),
		"no issuer":             with(func(c jwt.MapClaims) { delete(c, "iss") }),
		"expired":               with(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() }),
		"no expiry":             with(func(c jwt.MapClaims) { delete(c, "exp") }),
		"expiry as text":        with(func(c jwt.MapClaims) { c["exp"] = "tomorrow" }),
		"not yet":               with(func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Minute).Unix() }),
		"no subject":            with(func(c jwt.MapClaims) { delete(c, "sub") }),
		"empty subject":         with(func(c jwt.MapClaims) { c["sub"] = "" }),
		"subject is a number":   with(func(c jwt.MapClaims) { c["sub"] = 7 }),
		"zero byte in subject":  with(func(c jwt.MapClaims) { c["sub"] = "u\x00" }),
		"long subject":          with(func(c jwt.MapClaims) { c["sub"] = strings.Repeat("u", 256) }),
		"tenant and operator":   with(func(c jwt.MapClaims) { c["roles"] = []string{"operator"} }),
		"operator among others": with(func(c jwt.MapClaims) { c["roles"] = "admin operator" }),
		"neither":               with(func(c jwt.MapClaims) { delete(c, "tenant") }),
		"tenant is a list":      with(func(c jwt.MapClaims) { c["tenant"] = []string{"acme"} }),
		"empty tenant":          with(func(c jwt.MapClaims) { c["tenant"] = "" }),
		"empty, operator":       with(func(c jwt.MapClaims) { c["tenant"] = ""; c["roles"] = "operator" }),
		"oversize":              with(func(c jwt.MapClaims) { c["x"] = strings.Repeat("x", 9000) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := verifier.Verify(token)
			require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "%+v", claims)
			require.Equal(t, "A valid token is required.", err.Error(), "why is for the log only")
		})
	}
}

func TestAnOperatorsToken(t *testing.T) {
	t.Parallel()
	token, err := tenants.Mint(secretSettings(), tenants.TokenRequest{UserID: "op", Roles: []tenants.Role{tenants.Operator}, Now: time.Now(), TTL: time.Minute})
	require.NoError(t, err)
	claims, err := verifierOf(t, secretSettings()).Verify(token)
	require.NoError(t, err)
	require.Empty(t, claims.Tenant)
}

func TestAVerifierNeedsAKey(t *testing.T) {
	t.Parallel()
	_, err := tenants.NewVerifier(t.Context(), config.JWT{Issuer: "i", Audience: "a"})
	require.Error(t, err)
}

// keyPair is one key of an issuer.
type keyPair struct {
	id      string
	method  jwt.SigningMethod
	private any
	public  any
}

func newKeys(t *testing.T) []keyPair {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return []keyPair{
		{"rsa", jwt.SigningMethodRS256, rsaKey, rsaKey.Public()},
		{"ec", jwt.SigningMethodES256, ecKey, ecKey.Public()},
		{"ed", jwt.SigningMethodEdDSA, edPrivate, edPublic},
	}
}

// pemOf is a public key as text: what the key confusion attack signs with.
func pemOf(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func FuzzVerify(f *testing.F) {
	verifier, err := tenants.NewVerifier(f.Context(), secretSettings())
	require.NoError(f, err)
	// The same token in every process of the fuzzer.
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "tenantry", "aud": "tenantry", "sub": "u", "tenant": "acme", "exp": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
	}).SignedString([]byte(secretSettings().Secret.Reveal()))
	require.NoError(f, err)
	f.Add(token)
	f.Add("a.b.c")
	f.Add("..")
	f.Add(token + ".")
	f.Add(strings.Repeat(".", 9000))
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := verifier.Verify(raw)
		if raw == token {
			require.NoError(t, err)
			return
		}
		require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "%+v", claims)
		require.Equal(t, tenants.Claims{}, claims)
	})
}
