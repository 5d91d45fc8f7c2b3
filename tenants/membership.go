package tenants

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errRoleRefused means that a connection does not know that the application may take on a tenant's role.
// Each PostgreSQL backend keeps the list of a login's roles until one is granted or revoked anywhere. A
// role that is granted while a backend makes its list may be missing from it until the next grant, so a
// tenant that was onboarded just now is refused on some connections and served on others.
var errRoleRefused = errors.New("the connection does not know the tenant's role")

// roleRefusal marks PostgreSQL's refusal to set the role.
func roleRefusal(err error) error {
	const insufficientPrivilege = "42501"
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.Code == insufficientPrivilege {
		return fmt.Errorf("%w: %w", errRoleRefused, err)
	}
	return err
}

// dropUnknowing closes a connection that refused the role, so that the next attempt gets another one.
func dropUnknowing(ctx context.Context, conn *pgx.Conn, err error) {
	if errors.Is(err, errRoleRefused) {
		_ = conn.Close(ctx) // the pool throws it away
	}
}
