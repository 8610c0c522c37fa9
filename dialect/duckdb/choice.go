package duckdb

import (
	"stead/dialect"
	"stead/policy/expr"
)

func (p Printer) choices() dialect.Choices {
	return dialect.Choices{Expr: p.Expr, Holds: p.Expr, Compare: p.compare, Branch: p.branch}
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
