package tenants

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrUnscoped is the answer to any query that did not come through a scope's transaction.
var ErrUnscoped = errors.New("tenants: a query needs a scope's transaction")

// ErrStatement is the answer to a statement that a scope does not run: anything but a query or a
// change of rows, since SET ROLE as a statement is what PostgreSQL itself cannot refuse.
var ErrStatement = errors.New("tenants: a scope runs select, insert, update, delete, with, values and merge only")

// refusing is a connector that never connects: as GORM's pool outside a transaction it answers every
// query with its error.
type refusing struct{ err error }

func (r refusing) Connect(context.Context) (driver.Conn, error) { return nil, r.err }
func (r refusing) Driver() driver.Driver                        { return stdlib.GetDefaultDriver() }

// scopedConn is GORM's connection inside a scope's transaction. Every statement goes over the
// extended protocol, which takes one statement at a time; it begins no transactions of its own.
type scopedConn struct {
	conn    *sql.Conn
	refused *sql.DB
}

func (scopedConn) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, fmt.Errorf("%w: nothing is prepared under one schema and run under another", ErrStatement)
}

func (c scopedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := checkCall(query, args); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return c.execWithoutArguments(ctx, query)
	}
	return c.conn.ExecContext(ctx, query, args...) //nolint:wrapcheck // GORM's connection passes errors on
}

func (c scopedConn) execWithoutArguments(ctx context.Context, query string) (sql.Result, error) {
	var tag pgconn.CommandTag
	err := withPgx(c.conn, func(pg *pgx.Conn) error {
		var err error
		tag, err = execBare(ctx, pg, query)
		return err
	})
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

// execBare exists because pgx sends an Exec without arguments over the simple protocol, where statements
// stack.
func execBare(ctx context.Context, conn *pgx.Conn, query string) (pgconn.CommandTag, error) {
	result := conn.PgConn().ExecParams(ctx, query, nil, nil, nil, nil).Read()
	return result.CommandTag, result.Err
}

func (c scopedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := checkCall(query, args); err != nil {
		return nil, err
	}
	return c.conn.QueryContext(ctx, query, args...) //nolint:wrapcheck // GORM's connection passes errors on
}

func (c scopedConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := checkCall(query, args); err != nil {
		return c.refused.QueryRowContext(ctx, "") // the one way to a *sql.Row that holds an error
	}
	return c.conn.QueryRowContext(ctx, query, args...)
}

// checkCall also refuses pgx's options among the arguments, which database/sql passes on: one of them
// stacks statements over the simple protocol, and another rewrites the statement that was checked.
func checkCall(query string, args []any) error {
	if err := checkOptions(args); err != nil {
		return err
	}
	return checkStatement(query)
}

func checkOptions(args []any) error {
	for _, arg := range args {
		if named, ok := arg.(sql.NamedArg); ok {
			arg = named.Value
		}
		switch arg.(type) {
		case pgx.QueryExecMode, pgx.QueryRewriter, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			return fmt.Errorf("%w: with values as arguments, and no options", ErrStatement)
		}
	}
	return nil
}

// checkStatement lets through what reads or changes rows.
func checkStatement(query string) error {
	word := strings.TrimLeft(query, " \t\r\n(")
	if end := strings.IndexFunc(word, func(r rune) bool { return r < 'A' || r > 'z' }); end >= 0 {
		word = word[:end]
	}
	switch strings.ToLower(word) {
	case "select", "insert", "update", "delete", "with", "values", "merge":
		return nil
	default:
		return ErrStatement
	}
}
