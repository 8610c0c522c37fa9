package duck

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"stead"
)

// Parser turns SELECT statements into DuckDB's JSON tree and back, on engines without
// data. It may be used by many goroutines; at most its size at once.
type Parser struct {
	idle chan *parserConn
	open int
}

// parserConn has an engine of its own: a statement that makes DuckDB invalidate itself
// costs nothing but that one.
type parserConn struct {
	engine *Engine
	conn   *Conn
	in     *Stmt
	out    *Stmt
}

// SyntaxError is what the parser says about a statement's text; it holds nothing but
// what the asker wrote.
type SyntaxError struct {
	Kind string // "parser", "not implemented" ...
	Text string
	// Position is the offset in bytes, -1 when unknown.
	Position int
}

// Error implements error.
func (e *SyntaxError) Error() string { return e.Text }

// NewParser opens a parser that can do size statements at once.
func NewParser(ctx context.Context, size int) (*Parser, error) {
	p := &Parser{idle: make(chan *parserConn, size)}
	for range size {
		c := &parserConn{}
		if err := c.connect(ctx); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.idle <- c
		p.open++
	}
	return p, nil
}

func (c *parserConn) connect(ctx context.Context) error {
	var err error
	if c.engine, err = Open(ctx, Config{Memory: 256 << 20, Threads: 1, Conns: 1}); err != nil {
		return err
	}
	if c.conn, err = c.engine.Conn(ctx); err != nil {
		return errors.Join(err, c.close())
	}
	if c.in, err = c.conn.Prepare("SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR), skip_null := false, skip_empty := false) AS VARCHAR)"); err != nil {
		return errors.Join(err, c.close())
	}
	if c.out, err = c.conn.Prepare("SELECT json_deserialize_sql(CAST(CAST($1 AS VARCHAR) AS JSON))"); err != nil {
		return errors.Join(err, c.close())
	}
	return nil
}

// close frees what is open; the zero parserConn may be closed and connected again.
func (c *parserConn) close() error {
	var errs []error
	for _, s := range []*Stmt{c.in, c.out} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	if c.engine != nil {
		errs = append(errs, c.engine.Close())
	}
	*c = parserConn{}
	return errors.Join(errs...)
}

// Close ends the parser when the calls under way have finished. No call may follow.
func (p *Parser) Close() error {
	var err error
	for ; p.open > 0; p.open-- {
		err = errors.Join(err, (<-p.idle).close())
	}
	return err
}

// Serialize parses sql, one or more SELECT statements, into DuckDB's JSON tree:
// {"error":false,"statements":[...]}. A text that does not parse, or another kind of
// statement, gives a *SyntaxError.
func (p *Parser) Serialize(ctx context.Context, sql string) ([]byte, error) {
	if !utf8.ValidString(sql) {
		return nil, &SyntaxError{Kind: "parser", Text: "the statement is not valid UTF-8", Position: -1}
	}
	for i := range len(sql) {
		if sql[i] == 0 {
			return nil, &SyntaxError{Kind: "parser", Text: "the statement contains a zero byte", Position: i}
		}
	}
	tree, err := p.one(ctx, func(c *parserConn) *Stmt { return c.in }, sql)
	if err != nil {
		return nil, err
	}
	return tree, serializeError(tree)
}

// serializeError reads the error that the serialiser puts into its answer.
func serializeError(tree []byte) error {
	var head struct {
		Error    bool            `json:"error"`
		Type     string          `json:"error_type"`
		Message  string          `json:"error_message"`
		Position json.RawMessage `json:"position"`
	}
	if err := json.Unmarshal(tree, &head); err != nil {
		return stead.Errorf(stead.Internal, "the statement could not be read").WithCause(err)
	}
	if !head.Error {
		return nil
	}
	e := &SyntaxError{Kind: head.Type, Text: head.Message, Position: -1}
	var at json.Number
	if json.Unmarshal(head.Position, &at) == nil {
		if n, err := at.Int64(); err == nil {
			e.Position = int(n)
		}
	}
	return e
}

// Deserialize prints a tree as SQL. A tree it cannot read gives an *Error.
func (p *Parser) Deserialize(ctx context.Context, tree []byte) (string, error) {
	sql, err := p.one(ctx, func(c *parserConn) *Stmt { return c.out }, string(tree))
	return string(sql), err
}

func (p *Parser) one(ctx context.Context, pick func(*parserConn) *Stmt, arg string) ([]byte, error) {
	var c *parserConn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { p.idle <- c }()
	if c.engine == nil {
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
	}
	out, err := pick(c).one(ctx, arg)
	var broken *Error
	if errors.As(err, &broken) && broken.Broken() { // the next call connects again
		err = errors.Join(err, c.close())
	}
	return out, err
}

// one runs a statement of one parameter and returns the text of its only row.
func (s *Stmt) one(ctx context.Context, arg string) ([]byte, error) {
	if err := s.Bind(arg); err != nil {
		return nil, err
	}
	rows, err := s.Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	n, err := rows.Next()
	if err != nil {
		return nil, err
	}
	if n != 1 || rows.Column(0).Null(0) {
		return nil, &Error{Kind: "invalid input", Text: "the parser gave no answer"}
	}
	return append([]byte(nil), rows.Column(0).Bytes(0)...), nil
}
