package gateway

import (
	"context"
	"strings"

	"stead"
	"stead/internal/gateway/sqlstate"
)

// declareCommand opens a cursor, a portal that FETCH reads.
type declareCommand struct {
	name   string
	text   string
	hold   bool
	binary bool
}

func (declareCommand) columns(*conn) ([]Column, error) { return nil, nil }
func (d declareCommand) query() string                 { return d.text }

func (d declareCommand) run(ctx context.Context, c *conn, in input) (*result, error) {
	if c.tx.state == outside && !d.hold {
		return nil, sqlstate.Errorf(sqlstate.NoTransaction, stead.Invalid, "DECLARE CURSOR can only be used in transaction blocks").
			WithHint("Send BEGIN first, or declare the cursor WITH HOLD.")
	}
	if c.portals[d.name] != nil {
		return nil, sqlstate.Errorf(sqlstate.DuplicateCursor, stead.Conflict, "cursor %q already exists", d.name)
	}
	if err := c.portalLimit(); err != nil {
		return nil, err
	}
	if c.open >= c.srv.cfg.Limits.OpenAnswers {
		return nil, errOpenAnswers(c)
	}
	rows, err := in.plan.Execute(ctx, in.args)
	if err != nil {
		return nil, err
	}
	c.open++
	c.portals[d.name] = &portal{cursor: true, held: d.hold, binary: d.binary, inside: c.tx.state == inside,
		res: &result{answer: c.newAnswer(rows), owned: true, left: -1}}
	return done("DECLARE CURSOR")
}

// fetchCommand reads a cursor forward, or skips rows.
type fetchCommand struct {
	name string
	n    int64 // negative: all
	move bool
}

func (c *conn) cursor(name string) (*portal, error) {
	if p := c.portals[name]; p != nil && p.cursor {
		return p, nil
	}
	return nil, sqlstate.Errorf(sqlstate.NoCursor, stead.NotFound, "cursor %q does not exist", name)
}

func (f fetchCommand) columns(c *conn) ([]Column, error) {
	if f.move {
		return nil, nil
	}
	p, err := c.cursor(f.name)
	if err != nil {
		return nil, err
	}
	return p.res.answer.columns(), nil
}

func (f fetchCommand) run(ctx context.Context, c *conn, _ input) (*result, error) {
	p, err := c.cursor(f.name)
	if err != nil {
		return nil, err
	}
	a := p.res.answer
	if err := a.rows.Check(ctx); err != nil {
		return nil, err
	}
	if !f.move {
		return &result{tag: "FETCH", count: true, answer: a, left: f.n, binary: p.binary}, nil
	}
	n, err := a.each(ctx, f.n, func(Chunk, int) (int, error) { return 0, ctx.Err() })
	if err != nil {
		return nil, err
	}
	a.sent -= n // nobody saw these
	return &result{tag: "MOVE", count: true, moved: n}, nil
}

type closeCommand struct {
	name string
	all  bool
}

func (closeCommand) columns(*conn) ([]Column, error) { return nil, nil }

func (k closeCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if k.all {
		for name, p := range c.portals {
			if p.cursor {
				c.dropPortal(name, nil)
			}
		}
		return done("CLOSE CURSOR ALL")
	}
	if _, err := c.cursor(k.name); err != nil {
		return nil, err
	}
	c.dropPortal(k.name, nil)
	return done("CLOSE CURSOR")
}

type deallocateCommand struct {
	name string
	all  bool
}

func (deallocateCommand) columns(*conn) ([]Column, error) { return nil, nil }

func (d deallocateCommand) run(_ context.Context, c *conn, _ input) (*result, error) {
	if d.all {
		clear(c.statements)
		return done("DEALLOCATE ALL")
	}
	if _, err := c.prepared(d.name); err != nil {
		return nil, err
	}
	delete(c.statements, d.name)
	return done("DEALLOCATE")
}

func parseDeclare(p *parser) (command, error) {
	p.advance()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	d := declareCommand{name: name}
	for !p.accept("cursor") {
		switch {
		case p.accept("no", "scroll"), p.accept("insensitive"), p.accept("asensitive"):
		case p.accept("binary"):
			d.binary = true
		case p.tok.is("scroll"):
			return nil, sqlstate.Unsupportedf("scrollable cursors are not offered").WithHint("Declare the cursor NO SCROLL and fetch forward.")
		default:
			return nil, p.unexpected()
		}
	}
	d.hold = p.accept("with", "hold")
	if !d.hold {
		p.accept("without", "hold")
	}
	if !p.accept("for") {
		return nil, p.unexpected()
	}
	if d.text = p.rest(); d.text == "" {
		return nil, p.unexpected()
	}
	return d, nil
}

func parseFetch(p *parser) (command, error) {
	verb := strings.ToUpper(p.advance().text)
	f := fetchCommand{n: 1, move: verb == "MOVE"}
	backward := false
	switch {
	case p.accept("next"):
	case p.accept("all"):
		f.n = -1
	case p.accept("forward"):
		if p.accept("all") {
			f.n = -1
		} else if n, ok, err := p.integer(); err != nil {
			return nil, err
		} else if ok {
			f.n, backward = n, n < 0
		}
	case p.tok.is("prior"), p.tok.is("first"), p.tok.is("last"), p.tok.is("absolute"), p.tok.is("relative"), p.tok.is("backward"):
		backward = true
	default:
		if n, ok, err := p.integer(); err != nil {
			return nil, err
		} else if ok {
			f.n, backward = n, n < 0
		}
	}
	if backward {
		return nil, sqlstate.Errorf(sqlstate.NotNow, stead.Unsupported, "cursor can only scan forward").WithHint("Fetch NEXT, a number, or ALL.")
	}
	_ = p.accept("from") || p.accept("in")
	var err error
	if f.name, err = p.name(); err != nil {
		return nil, err
	}
	return f, p.end()
}

func parseClose(p *parser) (command, error) {
	p.advance()
	if p.accept("all") {
		return closeCommand{all: true}, p.end()
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return closeCommand{name: name}, p.end()
}

func parseDeallocate(p *parser) (command, error) {
	p.advance()
	p.accept("prepare")
	if p.accept("all") {
		return deallocateCommand{all: true}, p.end()
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	return deallocateCommand{name: name}, p.end()
}
