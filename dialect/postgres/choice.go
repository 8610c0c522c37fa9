package postgres

import (
	"strings"

	"stead/policy/expr"
)

func (p Printer) extreme(c expr.Call) (string, error) {
	take, rest := expr.Ge, expr.Lt
	if c.Func == expr.Least {
		take, rest = expr.Le, expr.Gt
	}
	first, err := p.compareHolds(take, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	second, err := p.compareHolds(rest, c.Args[0], c.Args[1])
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
	equal, err := p.compareHolds(expr.Eq, c.Args[0], c.Args[1])
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
		condition, err := p.holds(args[0])
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
	case expr.Int, expr.Float:
		name, err := TypeName(t)
		return cast(s, name), err
	}
	return s, nil
}
