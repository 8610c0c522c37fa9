package postgres

import (
	"stead/dialect"
	"stead/policy/expr"
)

func (p Printer) choices() dialect.Choices {
	return dialect.Choices{Expr: p.Expr, Holds: p.holds, Compare: p.compareHolds, Branch: p.branch}
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
