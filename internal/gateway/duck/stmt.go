package duck

import (
	"context"
	"fmt"
	"sync"
)

// Stmt is a prepared statement of one connection.
type Stmt struct {
	conn    *Conn
	p       *prepared
	columns []Column
}

// Columns are the result's columns. They are a guess while Unresolved.
func (s *Stmt) Columns() []Column { return s.columns }

// Params is the number of parameters.
func (s *Stmt) Params() int { return s.p.params() }

// ParamType is the type DuckDB found for parameter i, counted from 0; ID Invalid when it found none.
func (s *Stmt) ParamType(i int) *Type { return s.p.paramType(i) }

// Unresolved reports that DuckDB could not type a parameter: it then describes the
// result as one column "unknown". A CAST around the parameter helps.
func (s *Stmt) Unresolved() bool {
	return len(s.columns) == 1 && s.columns[0].Name == "unknown" && s.p.params() > 0
}

// Bind gives every parameter its value; what is accepted is listed in value.go.
func (s *Stmt) Bind(args ...any) error {
	if n := s.p.params(); n != len(args) {
		return &Error{Kind: "invalid input", Text: fmt.Sprintf("the statement has %d parameters, not %d", n, len(args))}
	}
	for i, a := range args {
		if err := s.p.bind(i, a); err != nil {
			return err
		}
	}
	return nil
}

// Stream runs the statement; rows are computed as they are asked for. When ctx ends,
// the statement is interrupted. The connection can do nothing else until the rows are closed.
func (s *Stmt) Stream(ctx context.Context) (*Rows, error) {
	if s.conn.rows != nil {
		return nil, &Error{Kind: "connection", Text: "the connection has an open stream"}
	}
	r, stop, err := s.start(ctx, true)
	if err != nil {
		return nil, err
	}
	rows := &Rows{stmt: s, ctx: ctx, res: r, stop: stop, columns: s.columns}
	rows.vectors = make([]Vector, len(s.columns))
	for i, c := range s.columns {
		rows.vectors[i] = newVector(c.Type)
	}
	s.conn.rows = rows
	return rows, nil
}

// start runs the statement to its end or, streaming, to its first rows.
func (s *Stmt) start(ctx context.Context, stream bool) (*result, func(), error) {
	w, err := s.p.pending(stream)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	// Only now: making the statement pending clears an interruption that came before.
	over := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(over)
		s.conn.Interrupt()
	})
	// An interruption under way is waited for, or it would meet the connection's next statement.
	stop := sync.OnceFunc(func() {
		if !cancel() {
			<-over
		}
	})
	if err := ctx.Err(); err != nil {
		stop()
		return nil, nil, interrupted(err)
	}
	r, err := w.run()
	if err != nil {
		stop()
		return nil, nil, cause(ctx, err)
	}
	return r, stop, nil
}

// count is how many rows a statement changed. CREATE TABLE AS tells it in a row.
func (s *Stmt) count(r *result) (int64, error) {
	if len(s.columns) != 1 || s.columns[0].Name != "Count" || s.columns[0].Type.ID != BigInt {
		return r.changed(), nil
	}
	c, err := r.next()
	if err != nil || c == nil {
		return 0, err
	}
	defer c.close()
	v := newVector(s.columns[0].Type)
	if c.load(0, &v); c.size() == 0 || v.Null(0) {
		return 0, nil
	}
	return v.Int(0), nil
}

func interrupted(err error) error {
	return fmt.Errorf("%w: %w", &Error{Kind: "interrupt", Text: "interrupted"}, err)
}

// cause says that ctx ended where that is why DuckDB stopped.
func cause(ctx context.Context, err error) error {
	if KindOf(err) == "interrupt" && ctx.Err() != nil {
		return interrupted(context.Cause(ctx))
	}
	return err
}

// Close frees the statement and its stream.
func (s *Stmt) Close() error {
	var err error
	if r := s.conn.rows; r != nil && r.stmt == s {
		err = r.Close()
	}
	s.p.close()
	return err
}

// Rows is a stream of rows, a chunk at a time.
type Rows struct {
	stmt    *Stmt
	owned   *Stmt // closed with the rows
	ctx     context.Context
	res     *result
	chunk   *chunk
	stop    func()
	columns []Column
	vectors []Vector
	done    bool
}

// Columns are the result's columns.
func (r *Rows) Columns() []Column { return r.columns }

// Next goes to the next chunk and returns how many rows it has, 0 at the end.
func (r *Rows) Next() (int, error) {
	for !r.done {
		r.free()
		c, err := r.res.next()
		if err != nil {
			r.done = true
			return 0, cause(r.ctx, err)
		}
		if c == nil {
			break
		}
		r.chunk = c
		n := c.size()
		if n == 0 {
			continue
		}
		for i := range r.vectors {
			c.load(i, &r.vectors[i])
		}
		return n, nil
	}
	r.done = true
	return 0, nil
}

// Column is column i of the current chunk.
func (r *Rows) Column(i int) *Vector { return &r.vectors[i] }

func (r *Rows) free() {
	if r.chunk != nil {
		r.chunk.close()
		r.chunk = nil
	}
}

// Close ends the stream, also in the middle.
func (r *Rows) Close() error {
	if r.stmt.conn.rows != r {
		return nil
	}
	r.stmt.conn.rows = nil
	r.done = true
	r.stop()
	r.free()
	r.res.close()
	if r.owned != nil {
		return r.owned.Close()
	}
	return nil
}
