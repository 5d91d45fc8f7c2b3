package tenants

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/tenantry/tenantry/app/fault"
)

// ErrNested is the answer to a transaction inside another one of the same scope: the inner one would
// commit without the outer.
var ErrNested = errors.New("tenants: a scope has one transaction at a time; pass the open one on")

// transactAttempts is how often a transaction is run when PostgreSQL asks to repeat it.
const transactAttempts = 3

// finishTimeout bounds the commit's clean-up, which must happen even when the caller has gone.
const finishTimeout = 5 * time.Second

// Scope is the handle through which one tenant's data is reached. The middleware binds one to each
// request; it is cheap, and good for one transaction at a time.
type Scope struct {
	cluster   *Cluster
	placement Placement
	begin     string
	guards    []Statement
	admission *admission // what is asked before anything else; nil when nothing is
	open      atomic.Bool
}

// Scope makes the handle to a tenant's data on this cluster.
func (c *Cluster) Scope(placement Placement) *Scope {
	return &Scope{cluster: c, placement: placement, begin: c.beginStatement(placement)}
}

// Guarded makes a handle whose transactions run the guards first, as the application's login: they
// raise an error where the rest must not happen, or take a lock that the tenant's role may not.
func (s *Scope) Guarded(guards ...Statement) *Scope {
	return &Scope{
		cluster: s.cluster, placement: s.placement, begin: s.begin, admission: s.admission,
		guards: append(slices.Clip(s.guards), guards...),
	}
}

// beginStatement opens the transaction and enters the schema in one round trip. All of it ends with
// the transaction, so nothing is left on the connection.
func (c *Cluster) beginStatement(p Placement) string {
	return strings.Join([]string{"begin", c.statementTimeout(), enterRole(p), enterSchema(p)}, "; ")
}

func (c *Cluster) statementTimeout() string {
	return fmt.Sprintf("set local statement_timeout = %d", c.config.StatementTimeout.Milliseconds())
}

func enterRole(p Placement) string {
	return "set local role " + pgx.Identifier{p.RoleName}.Sanitize()
}

func enterSchema(p Placement) string {
	return "set local search_path = " + pgx.Identifier{p.SchemaName}.Sanitize() + ", pg_temp"
}

// TenantID is whose data this is.
func (s *Scope) TenantID() string { return s.placement.TenantID }

// Now is the scope's clock.
func (s *Scope) Now() time.Time { return s.cluster.Now() }

// Slug is the tenant's name in subjects.
func (s *Scope) Slug() string { return s.placement.Slug }

// Tx is an open transaction in a tenant's schema, under the tenant's role.
type Tx struct {
	// DB is GORM bound to the transaction. It cannot leave the tenant's schema.
	DB *gorm.DB
	// TenantID is whose data this is.
	TenantID string
	// Slug is the tenant's name in subjects.
	Slug string
	// Now is the one time of everything that the transaction writes.
	Now time.Time

	conn    *sql.Conn
	touched bool
}

// Touch tells that the transaction recorded events, so that the workers are woken after the commit.
func (tx *Tx) Touch() { tx.touched = true }

// Transact runs work in one transaction of the tenant and commits it unless work fails. It repeats
// work when PostgreSQL found a deadlock or a serialization failure, so work must start from what it
// loads. A panic rolls back and goes on.
func (s *Scope) Transact(ctx context.Context, work func(tx *Tx) error) error {
	if !s.open.CompareAndSwap(false, true) {
		return ErrNested
	}
	defer s.open.Store(false)

	var err error
	for range transactAttempts {
		if err = s.transactOnce(ctx, work); !repeatable(err) {
			break
		}
	}
	return databaseFault(err)
}

func (s *Scope) transactOnce(ctx context.Context, work func(tx *Tx) error) (err error) {
	conn, err := s.cluster.sql.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	// Rows that work left open hold the connection until their context ends.
	working, finish := context.WithCancel(ctx)
	done := false
	defer func() {
		finish()
		if !done { // work failed or panicked
			rollback(ctx, conn)
		}
		_ = conn.Close() // returns it to the pool
	}()

	if err := s.enter(ctx, conn); err != nil {
		return err
	}
	tx := s.newTx(working, conn)
	if err := work(tx); err != nil {
		return err
	}
	finish()
	if err := commit(ctx, conn); err != nil {
		return err
	}
	done = true
	if tx.touched {
		s.cluster.config.OnCommit(s.placement.TenantID)
	}
	return nil
}

func (s *Scope) enter(ctx context.Context, conn *sql.Conn) error {
	return withPgx(conn, func(pg *pgx.Conn) error {
		noteServed(pg, s.placement.SchemaName, 1)
		err := s.begun(ctx, pg)
		dropUnknowing(ctx, pg, err)
		return err
	})
}

func (s *Scope) begun(ctx context.Context, conn *pgx.Conn) error {
	if len(s.guards)+len(s.admission.open()) > 0 {
		return runPipeline(ctx, conn, s.entry())
	}
	if _, err := conn.Exec(ctx, s.begin); err != nil {
		return fmt.Errorf("enter the tenant's schema: %w", roleRefusal(err))
	}
	return nil
}

func (s *Scope) newTx(ctx context.Context, conn *sql.Conn) *Tx {
	now := s.cluster.Now()
	db := s.cluster.gorm.Session(&gorm.Session{NewDB: true, Context: ctx, NowFunc: func() time.Time { return now }})
	db.Statement.ConnPool = scopedConn{conn: conn, refused: s.cluster.refused}
	return &Tx{DB: db, TenantID: s.placement.TenantID, Slug: s.placement.Slug, Now: now, conn: conn}
}

// commit reports a transaction that PostgreSQL rolled back instead, which it does without an error.
func commit(ctx context.Context, conn *sql.Conn) error {
	return withPgx(conn, func(pg *pgx.Conn) error {
		tag, err := pg.Exec(ctx, "commit")
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		if tag.String() != "COMMIT" {
			return fmt.Errorf("commit: %w", pgx.ErrTxCommitRollback)
		}
		return nil
	})
}

// rollback runs also when ctx is over, and gives up the connection if it cannot.
func rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	_ = withPgx(conn, func(pg *pgx.Conn) error {
		if pg.PgConn().TxStatus() == 'I' {
			return nil
		}
		if _, err := pg.Exec(ctx, "rollback"); err != nil {
			_ = pg.Close(ctx)
			return driver.ErrBadConn
		}
		return nil
	})
}

func withPgx(conn *sql.Conn, use func(*pgx.Conn) error) error {
	return conn.Raw(func(raw any) error { //nolint:wrapcheck // the error is use's own, or says that the connection is gone
		pg, ok := raw.(*stdlib.Conn)
		if !ok {
			return driver.ErrBadConn
		}
		return use(pg.Conn())
	})
}

func repeatable(err error) bool {
	if errors.Is(err, errRoleRefused) {
		return true
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}

// databaseFault tells a database that is away from a defect: the first is nobody's fault and passes.
func databaseFault(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || !away(err) {
		return err
	}
	unavailable := fault.New(fault.Unavailable, "database_unavailable", "The database is away; try again.").Because(err)
	unavailable.RetryAfter = time.Second
	return unavailable
}

// Away reports whether an error means that the database is away, which is no tenant's failure and passes.
func Away(err error) bool {
	return err != nil && (fault.KindOf(err) == fault.Unavailable || away(err))
}

func away(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "57P") || pgErr.Code == "53300"
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, network := errors.AsType[*net.OpError](err)
	return network || lost(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// lost tells that the connection had ended before anything was sent. Pgx exports no name for it.
func lost(err error) bool {
	return pgconn.SafeToRetry(err) && strings.HasSuffix(err.Error(), "conn closed")
}
