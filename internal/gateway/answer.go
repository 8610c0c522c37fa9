package gateway

import (
	"context"
	"errors"
	"io"

	"stead"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/sqlstate"
)

// answer is a running answer, read row by row and possibly in several goes.
type answer struct {
	c     *conn
	rows  Rows // nil when closed
	chunk Chunk
	at    int // next row of chunk
	sent  int64
	bytes int64
	ended bool  // no more rows
	err   error // why it cannot go on
}

func (a *answer) columns() []Column {
	if a.rows == nil {
		return nil
	}
	return a.rows.Columns()
}

func (c *conn) newAnswer(rows Rows) *answer { return &answer{c: c, rows: rows} }

// each gives up to limit rows (negative: all) to f and says how many there were. f returns how
// many bytes it wrote.
func (a *answer) each(ctx context.Context, limit int64, f func(chunk Chunk, row int) (int, error)) (n int64, err error) {
	if a.err != nil {
		return 0, a.err
	}
	for !a.ended && (limit < 0 || n < limit) {
		if a.chunk == nil || a.at >= a.chunk.Len() {
			if err := a.fill(ctx); err != nil {
				a.err = err
				return n, err
			}
			continue
		}
		size, err := f(a.chunk, a.at)
		if err != nil {
			a.err = err
			return n, err
		}
		a.at++
		n++
		a.sent++
		a.bytes += int64(size)
		if err := a.bounded(); err != nil {
			a.err = err
			return n, err
		}
	}
	return n, nil
}

func (a *answer) fill(ctx context.Context) error {
	chunk, err := a.rows.Next(ctx)
	if errors.Is(err, io.EOF) {
		a.ended, a.chunk = true, nil
		return nil
	}
	a.chunk, a.at = chunk, 0
	return sqlstate.Cause(ctx, err)
}

func (a *answer) bounded() error {
	l := a.c.srv.cfg.Limits
	if l.ResultRows > 0 && a.sent > l.ResultRows {
		return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "the answer has more than %d rows", l.ResultRows).WithHint("Ask for less, for instance with LIMIT.")
	}
	if l.ResultBytes > 0 && a.bytes > l.ResultBytes {
		return sqlstate.Errorf(sqlstate.Limit, stead.Limit, "the answer is larger than %d bytes", l.ResultBytes).WithHint("Ask for less, for instance with LIMIT.")
	}
	return nil
}

// close records the outcome. An answer that is given up before its end was not a failure.
func (a *answer) close(err error) error {
	if a.rows == nil {
		return nil
	}
	rows := a.rows
	a.rows, a.chunk, a.ended = nil, nil, true
	if err == nil {
		err = a.err
	}
	if err != nil && a.c.gone != nil && !sqlstate.Safe(err) {
		err = stead.Errorf(stead.Canceled, "the client went away").WithCause(err)
	}
	return rows.Close(a.sent, err)
}

// sendRows writes up to limit rows as DataRow messages. Output is flushed whenever 64 KiB are
// waiting, so a slow client slows the engine and memory stays bounded.
func (c *conn) sendRows(ctx context.Context, a *answer, limit int64, formats []pgvalue.Format) (int64, error) {
	return a.each(ctx, limit, func(chunk Chunk, row int) (int, error) {
		from := len(c.out)
		out := append(c.out, 'D', 0, 0, 0, 0, byte(len(formats)>>8), byte(len(formats)))
		for col, f := range formats {
			at := len(out)
			var ok bool
			var err error
			if out, ok, err = chunk.Append(append(out, 0, 0, 0, 0), col, row, f); err != nil {
				return 0, err
			}
			size := len(out) - at - 4
			if !ok {
				out, size = out[:at+4], -1
			}
			put32(out[at:], int32(size))
		}
		put32(out[from+1:], int32(len(out)-from-1))
		c.out = out
		return len(out) - from, c.full(ctx)
	})
}

// full flushes when enough waits, and stops a statement that was ended meanwhile.
func (c *conn) full(ctx context.Context) error {
	if len(c.out) < flushAt {
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return sqlstate.Cause(ctx, err)
	}
	return nil
}

func put32(b []byte, v int32) { b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v) }

// ownRows is an answer of the gateway itself, such as SHOW.
type ownRows struct {
	cols []Column
	rows [][]string
	read bool
}

func (o *ownRows) Columns() []Column           { return o.cols }
func (o *ownRows) Check(context.Context) error { return nil }
func (o *ownRows) Close(int64, error) error    { return nil }
func (o *ownRows) Len() int                    { return len(o.rows) }

func (o *ownRows) Next(context.Context) (Chunk, error) {
	if o.read || len(o.rows) == 0 {
		return nil, io.EOF
	}
	o.read = true
	return o, nil
}

// Append gives text, whose two formats are the same.
func (o *ownRows) Append(dst []byte, col, row int, _ pgvalue.Format) ([]byte, bool, error) {
	return append(dst, o.rows[row][col]...), true, nil
}

const oidText = 25

func textColumns(names ...string) []Column {
	cols := make([]Column, len(names))
	for i, n := range names {
		cols[i] = Column{Name: n, OID: oidText, Size: -1, Mod: -1}
	}
	return cols
}

func (c *conn) ownAnswer(tag string, cols []Column, rows [][]string) *result {
	a := c.newAnswer(&ownRows{cols: cols, rows: rows})
	return &result{tag: tag, answer: a, owned: true, left: -1}
}
