package tenants

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// maxToken bounds the tokens that are looked at.
const maxToken = 8 << 10

var (
	errTokenSize   = errors.New("tenants: the token is too long")
	errTokenCrit   = errors.New("tenants: the token has critical headers")
	errTokenClaims = errors.New("tenants: the token has no subject, or is not of either a tenant or an operator")
	errNoKey       = errors.New("tenants: neither a secret nor a key set is configured")
)

// Verifier checks tokens: signature, algorithm, issuer, audience, expiry, subject.
type Verifier struct {
	parser      *jwt.Parser
	keyfunc     jwt.Keyfunc
	tenantClaim string
	rolesClaim  string
	keys        *keySet
}

// NewVerifier makes a verifier for the configured kind of key. With a key set it fetches the keys, and
// goes on without when the issuer is away; they are fetched when a token needs them. The context bounds
// the first fetch; Close ends all others.
func NewVerifier(ctx context.Context, settings config.JWT) (*Verifier, error) {
	v := &Verifier{tenantClaim: settings.TenantClaim, rolesClaim: settings.RolesClaim}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	switch {
	case settings.Secret != "":
		secret := []byte(settings.Secret.Reveal())
		v.keyfunc = func(*jwt.Token) (any, error) { return secret, nil }
	case settings.JWKSURL != "":
		methods = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()}
		keys, err := openKeySet(ctx, settings.JWKSURL)
		if err != nil {
			return nil, err
		}
		v.keys, v.keyfunc = keys, keys.keyfunc
	default:
		return nil, errNoKey
	}
	v.parser = newParser(settings, methods)
	return v, nil
}

func newParser(settings config.JWT, methods []string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods(methods),
		jwt.WithIssuer(settings.Issuer),
		jwt.WithAudience(settings.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithLeeway(0*time.Second),
	)
}

// Verify returns what a token says, or a fault of kind Unauthenticated, whose cause says why.
func (v *Verifier) Verify(raw string) (Claims, error) {
	if len(raw) > maxToken {
		return Claims{}, unauthenticated(errTokenSize)
	}
	all := jwt.MapClaims{}
	token, err := v.parser.ParseWithClaims(raw, all, v.keyfunc)
	if err != nil {
		return Claims{}, unauthenticated(err)
	}
	if _, critical := token.Header["crit"]; critical {
		return Claims{}, unauthenticated(errTokenCrit)
	}
	claims, ok := claimsOf(all, v.tenantClaim, v.rolesClaim)
	if !ok {
		return Claims{}, unauthenticated(errTokenClaims)
	}
	return claims, nil
}

// Close ends the fetching of keys.
func (v *Verifier) Close() {
	if v.keys != nil {
		v.keys.close()
	}
}

func unauthenticated(cause error) error {
	return fault.New(fault.Unauthenticated, "unauthenticated", "A valid token is required.").Because(cause)
}
