package tenants

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// scopedRows are rows that do not hand out their connection.
type scopedRows struct{ pgx.Rows }

// Conn is nil, as pgx allows.
func (scopedRows) Conn() *pgx.Conn { return nil }

// refusedRows are the rows, or the row, of a statement that did not run.
type refusedRows struct{ err error }

func (refusedRows) Close()                                       {}
func (r refusedRows) Err() error                                 { return r.err }
func (refusedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (refusedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (refusedRows) Next() bool                                   { return false }
func (r refusedRows) Scan(...any) error                          { return r.err }
func (r refusedRows) Values() ([]any, error)                     { return nil, r.err }
func (refusedRows) RawValues() [][]byte                          { return nil }
func (refusedRows) Conn() *pgx.Conn                              { return nil }
func (refusedRows) TypeMap() *pgtype.Map                         { return nil }

// refusedBatch are the results of a batch that did not run.
type refusedBatch struct{ err error }

func (b refusedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b refusedBatch) Query() (pgx.Rows, error)         { return refusedRows(b), b.err }
func (b refusedBatch) QueryRow() pgx.Row                { return refusedRows(b) }
func (refusedBatch) Tx() pgx.Tx                         { return nil }
func (b refusedBatch) Close() error                     { return b.err }
