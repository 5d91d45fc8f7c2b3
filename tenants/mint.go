package tenants

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
)

// TokenRequest is what a minted token is to say.
type TokenRequest struct {
	// Tenant is a slug or id; empty for an operator.
	Tenant string
	// UserID is the subject.
	UserID string
	// Roles are the roles.
	Roles []Role
	// TTL is how long the token is valid. Default one hour.
	TTL time.Duration
	// Now is when it begins.
	Now time.Time
}

// Mint makes a token with the configured secret, for development and tests. Where tokens come from an
// issuer there is no key to sign with, which is a fault.
func Mint(settings config.JWT, request TokenRequest) (string, error) {
	if settings.Secret == "" {
		return "", fault.New(fault.Invalid, "no_signing_key", "There is no secret to sign with: tokens come from the issuer.")
	}
	if request.TTL == 0 {
		request.TTL = time.Hour
	}
	claims := jwt.MapClaims{
		"iss": settings.Issuer, "aud": settings.Audience, "sub": request.UserID, "jti": uuid.NewString(),
		"iat": request.Now.Unix(), "exp": request.Now.Add(request.TTL).Unix(),
	}
	if request.Tenant != "" {
		setClaim(claims, settings.TenantClaim, request.Tenant)
	}
	setClaim(claims, settings.RolesClaim, request.Roles)
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(settings.Secret.Reveal()))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}
