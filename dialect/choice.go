// Package dialect has what the printers of all engines do alike. How an engine spells things is in the packages below it.
package dialect

import (
	"strings"

	"stead"
	"stead/policy/expr"
)

// Choices prints what chooses between values. Its functions are the engine's own printers.
type Choices struct {
	// Expr prints a value, and Holds one of which FALSE and NULL mean the same.
	Expr, Holds func(expr.Node) (string, error)
	// Compare prints a comparison as Holds would.
	Compare func(f expr.Func, a, b expr.Node) (string, error)
	// Branch prints a value in a type that is wide enough for it.
	Branch func(n expr.Node, t expr.Type) (string, error)
}

// Call prints greatest, least, nullif, if and coalesce.
func (p Choices) Call(c expr.Call) (string, error) {
	switch c.Func {
	case expr.Greatest, expr.Least:
		return p.extreme(c)
	case expr.NullIf:
		return p.nullIf(c)
	case expr.If, expr.Coalesce:
		return p.choice(c)
	}
	return "", stead.Errorf(stead.Unsupported, "the function %q chooses nothing", string(c.Func))
}

func (p Choices) extreme(c expr.Call) (string, error) {
	take, rest := expr.Ge, expr.Lt
	if c.Func == expr.Least {
		take, rest = expr.Le, expr.Gt
	}
	first, err := p.Compare(take, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	second, err := p.Compare(rest, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	x, err := p.Branch(c.Args[0], c.Type())
	if err != nil {
		return "", err
	}
	y, err := p.Branch(c.Args[1], c.Type())
	return "CASE WHEN " + first + " THEN " + x + " WHEN " + second + " THEN " + y + " END", err
}

func (p Choices) nullIf(c expr.Call) (string, error) {
	equal, err := p.Compare(expr.Eq, c.Args[0], c.Args[1])
	if err != nil {
		return "", err
	}
	x, err := p.Expr(c.Args[0])
	return "CASE WHEN " + equal + " THEN NULL ELSE " + x + " END", err
}

// choice is if or coalesce: every branch in the type of the whole.
func (p Choices) choice(c expr.Call) (string, error) {
	args := c.Args
	var head string
	if c.Func == expr.If {
		condition, err := p.Holds(args[0])
		if err != nil {
			return "", err
		}
		head, args = condition, args[1:]
	}
	parts := make([]string, len(args))
	for i, a := range args {
		var err error
		if parts[i], err = p.Branch(a, c.Type()); err != nil {
			return "", err
		}
	}
	if c.Func == expr.If {
		return "CASE WHEN " + head + " THEN " + parts[0] + " ELSE " + parts[1] + " END", nil
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")", nil
}
