package duckdb

import (
	"strings"

	"stead/policy/expr"
)

func (p Printer) extreme(c expr.Call) (string, error) {
	cmp, rest := expr.Ge, expr.Lt
	if c.Func == expr.Least {
		cmp, rest = expr.Le, expr.Gt
	}
	first, err := p.compare(cmp, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	second, err := p.compare(rest, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	x, err := p.branch(c.Args[0], c.Type())
	if err != nil {
		return "", err
	}
	y, err := p.branch(c.Args[1], c.Type())
	return "CASE WHEN " + first + " THEN " + x + " WHEN " + second + " THEN " + y + " END", err
}

func (p Printer) nullIf(c expr.Call) (string, error) {
	equal, err := p.compare(expr.Eq, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	x, err := p.Expr(c.Args[0])
	return "CASE WHEN " + equal + " THEN NULL ELSE " + x + " END", err
}

// choice is if or coalesce: every branch in the type of the whole.
func (p Printer) choice(c expr.Call) (string, error) {
	args := c.Args
	var head string
	if c.Func == expr.If {
		condition, err := p.Expr(args[0])
		if err != nil {
			return "", err
		}
		head, args = condition, args[1:]
	}
	parts := make([]string, len(args))
	for i, a := range args {
		var err error
		if parts[i], err = p.branch(a, c.Type()); err != nil {
			return "", err
		}
	}
	if c.Func == expr.If {
		return "CASE WHEN " + head + " THEN " + parts[0] + " ELSE " + parts[1] + " END", nil
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")", nil
}

// branch prints a value in a type that is wide enough for it.
func (p Printer) branch(n expr.Node, t expr.Type) (string, error) {
	s, err := p.Expr(n)
	if err != nil {
		return "", err
	}
	switch t.Kind {
	case expr.Int, expr.Float, expr.Decimal:
		t.Native = ""
		name, err := TypeName(t)
		return "CAST(" + s + " AS " + name + ")", err
	}
	if l, ok := n.(expr.Literal); ok && !l.Value.Valid && t.Kind != expr.Opaque {
		t.Native = "" // as Expr prints its other branch
		return Literal(expr.Null, t)
	}
	return s, nil
}
