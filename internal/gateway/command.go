package gateway

import (
	"context"
	"strconv"
	"strings"

	"stead/internal/gateway/sqlstate"
)

// command is one statement, read as far as the gateway must understand it.
type command interface {
	// columns of the answer, nil when there are none; known before the command runs.
	columns(c *conn) ([]Column, error)
	run(ctx context.Context, c *conn, in input) (*result, error)
}

// input is what a command runs with besides its text: the plan of the query in it, if any, and
// the values of its parameters.
type input struct {
	plan Plan
	args []Arg
}

// querying is a command with a query inside, planned before the command runs.
type querying interface {
	command
	query() string
}

// result is what a command that ran gives back.
type result struct {
	tag    string  // whole, or the verb when counted
	count  bool    // append the number of rows to the tag
	answer *answer // nil: no rows
	owned  bool    // answer ends with the result
	left   int64   // rows that may still be sent; negative: all
	moved  int64   // rows that MOVE skipped
	binary bool    // of a cursor declared BINARY
}

func done(tag string) (*result, error) { return &result{tag: tag}, nil }

// parser reads the statements that the gateway answers itself.
type parser struct {
	lexer
	tok token
}

func (p *parser) advance() token {
	t := p.tok
	p.tok = p.next()
	return t
}

func (p *parser) accept(words ...string) bool {
	save, tok := p.lexer, p.tok
	for _, w := range words {
		if !p.tok.is(w) {
			p.lexer, p.tok = save, tok
			return false
		}
		p.advance()
	}
	return true
}

func (p *parser) acceptMark(m string) bool {
	if p.tok.mark(m) {
		p.advance()
		return true
	}
	return false
}

// name reads an identifier.
func (p *parser) name() (string, error) {
	if p.tok.kind != wordToken && p.tok.kind != nameToken {
		return "", p.unexpected()
	}
	return p.advance().text, nil
}

func (p *parser) unexpected() error {
	switch p.tok.kind {
	case endToken:
		return syntaxf("syntax error at the end of the statement")
	case badToken:
		return failUnterminated(p.tok)
	}
	return syntaxf("syntax error at or near %q", p.src[p.tok.from:p.tok.to])
}

func (p *parser) end() error {
	if p.tok.kind != endToken {
		return p.unexpected()
	}
	return nil
}

// rest is the text from the current token on.
func (p *parser) rest() string { return strings.TrimSpace(p.src[p.tok.from:]) }

// integer reads a whole number with an optional sign.
func (p *parser) integer() (int64, bool, error) {
	negative := false
	if p.tok.mark("-") || p.tok.mark("+") {
		negative = p.advance().text == "-"
		if p.tok.kind != numberToken {
			return 0, false, p.unexpected()
		}
	}
	if p.tok.kind != numberToken {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(p.tok.text, 10, 64)
	if err != nil {
		return 0, false, p.unexpected()
	}
	p.advance()
	if negative {
		n = -n
	}
	return n, true, nil
}

// parseCommand reads one statement without its semicolon.
func parseCommand(src string) (command, error) {
	p := &parser{lexer: lexer{src: src}}
	p.advance()
	if p.tok.kind == endToken {
		return emptyCommand{}, nil
	}
	if p.tok.kind != wordToken {
		return queryCommand{text: src}, nil
	}
	read := map[string]func(*parser) (command, error){
		"begin": parseBegin, "start": parseBegin, "commit": parseCommit, "end": parseCommit,
		"rollback": parseRollback, "abort": parseRollback, "savepoint": parseSavepoint, "release": parseRelease,
		"set": parseSet, "show": parseShow, "reset": parseReset, "discard": parseDiscard,
		"declare": parseDeclare, "fetch": parseFetch, "move": parseFetch, "close": parseClose,
		"deallocate": parseDeallocate, "prepare": parsePrepare, "execute": parsePrepare,
		"copy": parseCopy, "unlisten": parseUnlisten, "listen": parseListen, "notify": parseListen,
		"lock": parseLock,
	}[p.tok.text]
	if read == nil {
		return queryCommand{text: src}, nil
	}
	return read(p)
}

type emptyCommand struct{}

func (emptyCommand) columns(*conn) ([]Column, error)                    { return nil, nil }
func (emptyCommand) run(context.Context, *conn, input) (*result, error) { return &result{}, nil }

// queryCommand is a statement about data or the catalogue.
type queryCommand struct{ text string }

func (q queryCommand) query() string                   { return q.text }
func (q queryCommand) columns(*conn) ([]Column, error) { return nil, nil } // the plan has them

func (q queryCommand) run(ctx context.Context, c *conn, in input) (*result, error) {
	rows, err := in.plan.Execute(ctx, in.args)
	if err != nil {
		return nil, err
	}
	return &result{tag: "SELECT", count: true, answer: c.newAnswer(rows), owned: true, left: -1}, nil
}

// tagCommand does nothing but say so.
type tagCommand string

func (tagCommand) columns(*conn) ([]Column, error)                      { return nil, nil }
func (t tagCommand) run(context.Context, *conn, input) (*result, error) { return done(string(t)) }

func parseUnlisten(p *parser) (command, error) { return tagCommand("UNLISTEN"), nil }

func parseListen(p *parser) (command, error) {
	return nil, sqlstate.Unsupportedf("%s is not offered", strings.ToUpper(p.tok.text)).WithHint("The gateway only reads.")
}

func parseLock(p *parser) (command, error) {
	return nil, sqlstate.Unsupportedf("LOCK is not offered").WithHint("The gateway only reads; nothing needs locking.")
}

func parsePrepare(p *parser) (command, error) {
	return nil, sqlstate.Unsupportedf("%s as a statement is not offered", strings.ToUpper(p.tok.text)).
		WithHint("Use prepared statements of the protocol, as drivers do.")
}
