//go:build cgo

package duck

import (
	"fmt"

	db "github.com/duckdb/duckdb-go-bindings"
)

// The library, as few calls as the package needs. lib_stub.go is the same
// without DuckDB.

type library struct{ db db.Database }

func openLibrary(path string) (*library, error) {
	var config db.Config
	if db.CreateConfig(&config) == db.StateError {
		return nil, &Error{Text: "no configuration"}
	}
	defer db.DestroyConfig(&config)
	l := &library{}
	var msg string
	if db.OpenExt(path, &l.db, config, &msg) == db.StateError {
		return nil, newError(msg)
	}
	return l, nil
}

func (l *library) close() { db.Close(&l.db) }

func (l *library) connect() (*link, error) {
	k := &link{}
	if db.Connect(l.db, &k.conn) == db.StateError {
		return nil, &Error{Text: "no connection"}
	}
	return k, nil
}

// link is one DuckDB connection.
type link struct{ conn db.Connection }

func (k *link) interrupt() { db.Interrupt(k.conn) }
func (k *link) close()     { db.Disconnect(&k.conn) }

func (k *link) prepare(sql string) (*prepared, error) {
	p := &prepared{}
	if db.Prepare(k.conn, sql, &p.stmt) == db.StateError {
		err := newError(db.PrepareError(p.stmt))
		db.DestroyPrepare(&p.stmt)
		return nil, err
	}
	return p, nil
}

type prepared struct{ stmt db.PreparedStatement }

func (p *prepared) close()      { db.DestroyPrepare(&p.stmt) }
func (p *prepared) kind() int   { return int(db.PreparedStatementType(p.stmt)) }
func (p *prepared) params() int { return int(db.NParams(p.stmt)) }

func (p *prepared) paramType(i int) *Type {
	return readType(db.ParamLogicalType(p.stmt, db.IdxT(i+1)))
}

func (p *prepared) columns() []Column {
	n := int(db.PreparedStatementColumnCount(p.stmt))
	cols := make([]Column, n)
	for i := range cols {
		cols[i].Name = db.PreparedStatementColumnName(p.stmt, db.IdxT(i))
		cols[i].Type = readType(db.PreparedStatementColumnLogicalType(p.stmt, db.IdxT(i)))
	}
	return cols
}

func (p *prepared) bind(i int, v any) error {
	val, err := makeValue(v)
	if err != nil {
		return fmt.Errorf("parameter %d: %w", i+1, err)
	}
	defer db.DestroyValue(&val)
	if db.BindValue(p.stmt, db.IdxT(i+1), val) == db.StateError {
		return fmt.Errorf("parameter %d: %w", i+1, newError(db.PrepareError(p.stmt)))
	}
	return nil
}

// pending makes the statement ready to run, streaming or not.
func (p *prepared) pending(stream bool) (*pending, error) {
	w := &pending{}
	start := db.PendingPrepared
	if stream {
		start = db.PendingPreparedStreaming
	}
	if start(p.stmt, &w.res) == db.StateError {
		err := newError(db.PendingError(w.res))
		db.DestroyPending(&w.res)
		return nil, err
	}
	return w, nil
}

type pending struct{ res db.PendingResult }

func (w *pending) close() { db.DestroyPending(&w.res) }

// run executes; with a streaming one the rows come later, through next.
func (w *pending) run() (*result, error) {
	r := &result{}
	if db.ExecutePending(w.res, &r.res) == db.StateError {
		err := newError(db.ResultError(&r.res))
		if db.ResultErrorType(&r.res) == db.ErrorTypeInterrupt {
			err.Kind = "interrupt"
		}
		db.DestroyResult(&r.res)
		return nil, err
	}
	return r, nil
}

type result struct{ res db.Result }

func (r *result) close()         { db.DestroyResult(&r.res) }
func (r *result) changed() int64 { return int64(db.RowsChanged(&r.res)) }

// next returns nil, nil when there are no more rows.
func (r *result) next() (*chunk, error) {
	c := &chunk{c: db.FetchChunk(r.res)}
	if c.c.Ptr != nil {
		return c, nil
	}
	if text := db.ResultError(&r.res); text != "" {
		err := newError(text)
		if db.ResultErrorType(&r.res) == db.ErrorTypeInterrupt {
			err.Kind = "interrupt"
		}
		return nil, err
	}
	return nil, nil
}

type chunk struct{ c db.DataChunk }

func (c *chunk) close()    { db.DestroyDataChunk(&c.c) }
func (c *chunk) size() int { return int(db.DataChunkGetSize(c.c)) }

func (c *chunk) load(i int, v *Vector) { loadVector(db.DataChunkGetVector(c.c, db.IdxT(i)), v) }

func engineVersion() string { return db.LibraryVersion() }
