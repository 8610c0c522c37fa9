package duck

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"stead"
)

// Parser turns SELECT statements into DuckDB's JSON tree and back, on an engine
// without data. It may be used by many goroutines; at most its size at once.
type Parser struct {
	engine *Engine
	idle   chan *parserConn
	open   int
}

type parserConn struct {
	conn *Conn
	in   *Stmt
	out  *Stmt
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
	e, err := Open(ctx, Config{Memory: 512 << 20, Threads: 1, Conns: size})
	if err != nil {
		return nil, err
	}
	p := &Parser{engine: e, idle: make(chan *parserConn, size)}
	for range size {
		c, err := newParserConn(ctx, e)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.idle <- c
		p.open++
	}
	return p, nil
}

func newParserConn(ctx context.Context, e *Engine) (*parserConn, error) {
	c, err := e.Conn(ctx)
	if err != nil {
		return nil, err
	}
	in, err := c.Prepare("SELECT json_serialize_sql(CAST($1 AS VARCHAR), skip_null := false, skip_empty := false)::VARCHAR")
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	out, err := c.Prepare("SELECT json_deserialize_sql(CAST(CAST($1 AS VARCHAR) AS JSON))")
	if err != nil {
		return nil, errors.Join(err, in.Close(), c.Close())
	}
	return &parserConn{c, in, out}, nil
}

// Close ends the parser when the calls under way have finished. No call may follow.
func (p *Parser) Close() error {
	var err error
	for ; p.open > 0; p.open-- {
		c := <-p.idle
		err = errors.Join(err, c.in.Close(), c.out.Close(), c.conn.Close())
	}
	return errors.Join(err, p.engine.Close())
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
	s := pick(c)
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
		return nil, &Error{Kind: "internal", Text: "the parser gave no answer"}
	}
	return append([]byte(nil), rows.Column(0).Bytes(0)...), nil
}
