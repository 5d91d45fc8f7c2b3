package tenants

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Pgx is the transaction as pgx's own interface, for libraries that know no GORM: a queue, for example,
// that adds its job in this commit. What it runs passes the same checks as what GORM runs: one statement
// at a time, and only what reads or changes rows. It neither begins, commits nor rolls back, and hands
// out no connection; those are the scope's. Rows that are not closed when the work is done fail the
// commit.
func (tx *Tx) Pgx() pgx.Tx { return pgxTx{conn: tx.conn} }

// pgxTx holds the pool's handle and not the connection itself: the handle answers with an error as soon
// as the transaction is over, when the connection may serve another tenant already.
type pgxTx struct{ conn *sql.Conn }

// Exec runs one statement that answers with no rows.
func (t pgxTx) Exec(ctx context.Context, query string, args ...any) (tag pgconn.CommandTag, err error) {
	query, err = checkPgx(query, args)
	if err != nil {
		return tag, err
	}
	err = withPgx(t.conn, func(pg *pgx.Conn) error {
		if len(args) == 0 {
			tag, err = execBare(ctx, pg, query)
		} else {
			tag, err = pg.Exec(ctx, query, described(args)...)
		}
		return err //nolint:wrapcheck // this is pgx's own interface
	})
	return tag, err //nolint:wrapcheck // this is pgx's own interface
}

// Query runs one statement that answers with rows.
func (t pgxTx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	query, err := checkPgx(query, args)
	if err != nil {
		return refusedRows{err}, err
	}
	var rows pgx.Rows
	err = withPgx(t.conn, func(pg *pgx.Conn) error {
		var err error
		rows, err = pg.Query(ctx, query, described(args)...) //nolint:sqlclosecheck // the caller closes them
		return err                                           //nolint:wrapcheck // this is pgx's own interface
	})
	if rows == nil {
		return refusedRows{err}, err
	}
	return scopedRows{rows}, err
}

// QueryRow runs one statement that answers with a row.
func (t pgxTx) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	query, err := checkPgx(query, args)
	if err != nil {
		return refusedRows{err}
	}
	var row pgx.Row
	if err := withPgx(t.conn, func(pg *pgx.Conn) error {
		row = pg.QueryRow(ctx, query, described(args)...)
		return nil
	}); err != nil {
		return refusedRows{err}
	}
	return row
}

// described has pgx ask the server for the parameters' types, as it does by default and as libraries
// expect; without them a []byte that is meant as JSON arrives as bytea. The description is of the unnamed
// statement and is kept nowhere, so it never meets another schema.
func described(args []any) []any {
	return append([]any{pgx.QueryExecModeDescribeExec}, args...)
}

// checkPgx returns the statement that may run. Options are refused: one of them stacks statements over
// the simple protocol, and another rewrites the statement that was checked.
func checkPgx(query string, args []any) (string, error) {
	if err := checkOptions(args); err != nil {
		return "", err
	}
	query = uncommented(query)
	return query, checkStatement(query)
}

// uncommented is the query without the lines of comment before it, in which generated code names its
// statements. To PostgreSQL such a comment ends at a carriage return, too.
func uncommented(query string) string {
	for {
		query = strings.TrimLeft(query, " \t\r\n")
		if !strings.HasPrefix(query, "--") {
			return query
		}
		end := strings.IndexAny(query, "\r\n")
		if end < 0 {
			return ""
		}
		query = query[end:]
	}
}

func refusal(what string) error { return fmt.Errorf("%w: no %s", ErrStatement, what) }

// Begin would set a savepoint, and what is undone to it would be half of a unit of work.
func (pgxTx) Begin(context.Context) (pgx.Tx, error) { return nil, ErrNested }

// Commit is the scope's.
func (pgxTx) Commit(context.Context) error { return refusal("commit of its own") }

// Rollback is the scope's: the work returns an error.
func (pgxTx) Rollback(context.Context) error { return refusal("rollback of its own") }

// CopyFrom is a statement of its own kind.
func (pgxTx) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, refusal("copy")
}

// SendBatch is Scope.Pipeline's.
func (pgxTx) SendBatch(context.Context, *pgx.Batch) pgx.BatchResults {
	return refusedBatch{refusal("batch")}
}

// LargeObjects lie outside all schemas, and PostgreSQL refuses them to a tenant's role. The value is of
// no use.
func (pgxTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Prepare would leave a statement on a connection that serves other tenants.
func (pgxTx) Prepare(context.Context, string, string) (*pgconn.StatementDescription, error) {
	return nil, refusal("prepared statement")
}

// Conn is nil: a connection is a way around the checks.
func (pgxTx) Conn() *pgx.Conn { return nil }
