package tenants

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Statement is one statement of a pipeline.
type Statement struct {
	// SQL and Args are sent over the extended protocol.
	SQL string
	// Args are the values of $1, $2 and so on.
	Args []any
	// Binary asks for the columns in PostgreSQL's binary format, which is cheaper to write and to read for
	// a row of many values.
	Binary bool
	// Read takes the rows; nil when there are none to read.
	Read func(pgx.Rows) error
	// Affected takes the number of rows that the statement changed; nil when nobody asks.
	Affected func(rows int64)

	// setsRole tells whose refusal it is when PostgreSQL refuses it.
	setsRole bool
}

// Row makes a statement of a query that finds one row or none. Found is called with what scans the row.
func Row(sql string, args []any, found func(scan func(into ...any) error) error) Statement {
	return Statement{SQL: sql, Args: args, Read: func(rows pgx.Rows) error {
		if !rows.Next() {
			return rows.Err()
		}
		return found(rows.Scan)
	}}
}

// Pipeline runs all statements in one transaction of the tenant and in one round trip, which is what
// makes a turn of the worker cheap. Each is checked like those of a transaction: one that changed the
// role of the session would outlive the pipeline.
func (s *Scope) Pipeline(ctx context.Context, statements ...Statement) error {
	for _, statement := range statements {
		if err := checkStatement(statement.SQL); err != nil {
			return err
		}
	}
	var err error
	for range transactAttempts {
		if err = s.pipelineOnce(ctx, statements); !errors.Is(err, errRoleRefused) {
			break
		}
	}
	return databaseFault(err)
}

func (s *Scope) pipelineOnce(ctx context.Context, statements []Statement) error {
	return s.cluster.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { //nolint:wrapcheck // what is inside wraps
		noteServed(conn.Conn(), s.placement.SchemaName, 1)
		all := append(s.entry(), statements...)
		err := runPipeline(ctx, conn.Conn(), append(all, Statement{SQL: "commit"}))
		if err != nil {
			rollbackPipeline(ctx, conn.Conn())
		}
		dropUnknowing(ctx, conn.Conn(), err)
		return err
	})
}

// entry opens a guarded transaction, enters the schema, and asks whether the actor may be there.
func (s *Scope) entry() []Statement {
	all := make([]Statement, 0, len(s.guards)+16)
	all = append(all, Statement{SQL: "begin"}, Statement{SQL: s.cluster.statementTimeout()})
	all = append(all, s.guards...)
	all = append(all, Statement{SQL: enterRole(s.placement), setsRole: true}, Statement{SQL: enterSchema(s.placement)})
	return append(all, s.admission.open()...)
}

// runPipeline sends everything at once. It stands below pgx's own batches, which in exec mode know no
// binary columns.
func runPipeline(ctx context.Context, conn *pgx.Conn, statements []Statement) error {
	batch := &pgconn.Batch{}
	var encode pgx.ExtendedQueryBuilder
	for _, statement := range statements {
		if err := encode.Build(conn.TypeMap(), nil, statement.Args); err != nil {
			return fmt.Errorf("encode the values of a pipelined statement: %w", err)
		}
		batch.ExecParams(statement.SQL, encode.ParamValues, nil, encode.ParamFormats, statement.formats())
	}
	results := conn.PgConn().ExecBatch(ctx, batch)
	for _, statement := range statements {
		if err := readResult(conn, results, statement); err != nil {
			_ = results.Close() // the error that stopped the pipeline is the one to tell
			return err
		}
	}
	if err := results.Close(); err != nil {
		return fmt.Errorf("end the pipeline: %w", err)
	}
	return nil
}

// formats is one code for all columns, or none, which means text.
func (s Statement) formats() []int16 {
	if s.Binary {
		return []int16{pgx.BinaryFormatCode}
	}
	return nil
}

func readResult(conn *pgx.Conn, results *pgconn.MultiResultReader, statement Statement) error {
	if !results.NextResult() {
		err := results.Close()
		if statement.setsRole {
			err = roleRefusal(err)
		}
		return fmt.Errorf("run a pipelined statement: %w", err)
	}
	if statement.Read == nil {
		tag, err := results.ResultReader().Close()
		if statement.setsRole {
			err = roleRefusal(err)
		}
		if err != nil {
			return fmt.Errorf("run a pipelined statement: %w", err)
		}
		if statement.Affected != nil {
			statement.Affected(tag.RowsAffected())
		}
		return nil
	}
	rows := pgx.RowsFromResultReader(conn.TypeMap(), results.ResultReader())
	defer rows.Close()
	if err := statement.Read(rows); err != nil {
		return fmt.Errorf("read a pipelined query: %w", err)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("run a pipelined query: %w", err)
	}
	return nil
}

// rollbackPipeline leaves no open transaction on the connection; the pool drops one that still has it.
func rollbackPipeline(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback")
}
