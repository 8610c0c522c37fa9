package duck

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Conn is one connection: one statement or one stream at a time, used by one
// goroutine, except for Interrupt.
type Conn struct {
	engine  *Engine
	release func()
	rows    *Rows // the open stream

	mu   sync.Mutex // guards link against Interrupt during Close
	link *link
}

// statementKind is DuckDB's number of a kind of statement.
type statementKind int

const (
	kindSelect      statementKind = 1
	kindInsert      statementKind = 2
	kindUpdate      statementKind = 3
	kindDelete      statementKind = 5
	kindCreate      statementKind = 7
	kindTransaction statementKind = 10
	kindDrop        statementKind = 15
)

func anyKind(statementKind) bool      { return true }
func selectOnly(k statementKind) bool { return k == kindSelect }

// ourKinds is what Exec runs. COPY, ATTACH, SET, LOAD, PRAGMA, CALL and the rest never run.
func ourKinds(k statementKind) bool {
	switch k {
	case kindSelect, kindInsert, kindUpdate, kindDelete, kindCreate, kindTransaction, kindDrop:
		return true
	}
	return false
}

// Interrupt stops what the connection is doing, soon: DuckDB looks between vectors.
// It may be called from any goroutine, also when nothing runs or after Close.
func (c *Conn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		c.link.interrupt()
	}
}

// Close ends the connection with its stream, statements and temporary tables.
func (c *Conn) Close() error {
	var err error
	if c.rows != nil {
		err = c.rows.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return err
	}
	c.link.close()
	c.link = nil
	if c.release != nil {
		c.release()
	}
	return err
}

// Prepare readies one SELECT. Any other statement, or more than one, is an Error of
// kind "permission" or "parser". The text begins with the statement, not with a comment.
func (c *Conn) Prepare(sql string) (*Stmt, error) {
	// DuckDB makes SELECTs of some PRAGMA, SHOW and DESCRIBE statements.
	switch strings.ToUpper(firstWord(sql)) {
	case "", "SELECT", "WITH", "FROM", "VALUES":
		return c.prepare(sql, selectOnly)
	}
	return nil, &Error{Kind: "permission", Text: "only SELECT statements are run here"}
}

// firstWord is "" where the text begins with anything but a letter, e.g. a parenthesis.
func firstWord(sql string) string {
	sql = strings.TrimLeft(sql, " \t\r\n(")
	for i, r := range sql {
		if r < 'A' || r > 'z' {
			return sql[:i]
		}
	}
	return sql
}

func (c *Conn) prepare(sql string, allowed func(statementKind) bool) (*Stmt, error) {
	if c.link == nil {
		return nil, &Error{Kind: "connection", Text: "the connection is closed"}
	}
	if c.rows != nil {
		return nil, &Error{Kind: "connection", Text: "the connection has an open stream"}
	}
	if strings.IndexByte(sql, 0) >= 0 { // the library would read only what is before it
		return nil, &Error{Kind: "parser", Text: "the statement contains a zero byte"}
	}
	p, err := c.link.prepare(sql)
	if err != nil {
		return nil, err
	}
	if k := statementKind(p.kind()); !allowed(k) {
		p.close()
		return nil, &Error{Kind: "permission", Text: fmt.Sprintf("statements of kind %d are not run here", k)}
	}
	return &Stmt{conn: c, p: p, columns: p.columns()}, nil
}

// Exec runs one statement of our own, with its parameters, to its end, and returns
// how many rows it changed: CREATE (also TEMP TABLE ... AS SELECT), DROP, INSERT,
// UPDATE, DELETE, transactions. It never runs a user's text.
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return c.exec(ctx, sql, ourKinds, args)
}

func (c *Conn) run(ctx context.Context, sql string, allowed func(statementKind) bool) error {
	_, err := c.exec(ctx, sql, allowed, nil)
	return err
}

func (c *Conn) exec(ctx context.Context, sql string, allowed func(statementKind) bool, args []any) (int64, error) {
	s, err := c.prepare(sql, allowed)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Bind(args...); err != nil {
		return 0, err
	}
	r, stop, err := s.start(ctx, false)
	if err != nil {
		return 0, err
	}
	defer stop()
	defer r.close()
	return s.count(r)
}

// Query prepares, binds and streams one SELECT; closing the rows closes the statement.
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	s, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	if err := s.Bind(args...); err != nil {
		s.Close()
		return nil, err
	}
	rows, err := s.Stream(ctx)
	if err != nil {
		s.Close()
		return nil, err
	}
	rows.owned = s
	return rows, nil
}
