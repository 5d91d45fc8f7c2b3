package tenants

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const servedKey = "tenantry.served"

// served remembers which tenants a connection has served: its PostgreSQL backend keeps the catalog
// entries of all of them.
type served struct {
	seen  map[string]struct{}
	total int
}

// noteServed counts the tenants of a visit on a connection that it has not made before.
func noteServed(conn *pgx.Conn, visit string, tenants int) {
	data := conn.PgConn().CustomData()
	s, ok := data[servedKey].(*served)
	if !ok {
		s = &served{seen: make(map[string]struct{})}
		data[servedKey] = s
	}
	if _, before := s.seen[visit]; !before {
		s.seen[visit] = struct{}{}
		s.total += tenants
	}
}

func retireAfter(limit int, onRetire func()) func(*pgx.Conn) bool {
	return func(conn *pgx.Conn) bool {
		s, ok := conn.PgConn().CustomData()[servedKey].(*served)
		if !ok || s.total < limit {
			return true
		}
		onRetire()
		return false
	}
}

// Visit lends a reserved connection, as the application's login, to a statement that looks into at most so many
// tenants at once. Visits of the same name look into the same ones.
func (c *Cluster) Visit(ctx context.Context, name string, tenants int, use func(*pgx.Conn) error) error {
	err := c.reserved.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		noteServed(conn.Conn(), "visit "+name, tenants)
		return use(conn.Conn())
	})
	if err != nil {
		return fmt.Errorf("visit tenants: %w", err)
	}
	return nil
}
