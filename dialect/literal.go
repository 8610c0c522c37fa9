package dialect

import (
	"math/big"

	"stead/policy/expr"
)

// AsLike gives a literal number the other side's type where it is exactly one of its values:
// the column then stays bare, and indexes and statistics can serve it.
func AsLike(n, other expr.Node) expr.Node {
	l, ok := n.(expr.Literal)
	if _, both := other.(expr.Literal); !ok || both || !l.Value.Valid {
		return n
	}
	if as, ok := Exact(l.Value, other.Type()); ok {
		return as
	}
	return n
}

// Exact returns a number as a constant of the wanted exact type, if it can be one.
func Exact(v expr.Value, t expr.Type) (expr.Literal, bool) {
	d, scale := v.Dec, v.Scale
	if v.Kind == expr.Int {
		d, scale = big.NewInt(v.Int), 0
	}
	switch t.Kind {
	case expr.Int:
		d, ok := expr.Rescale(d, scale, 0)
		if !ok || !d.IsInt64() {
			return expr.Literal{}, false
		}
		l := expr.Literal{Value: expr.IntValue(d.Int64()), Typ: t}
		return l, expr.Fits(l.Value, t)
	case expr.Decimal:
		d, ok := expr.Rescale(d, scale, t.Scale)
		if !ok {
			return expr.Literal{}, false
		}
		l := expr.Literal{Value: expr.DecimalValue(d, t.Scale), Typ: expr.DecimalType(t.Precision, t.Scale)}
		return l, expr.Fits(l.Value, l.Typ)
	}
	return expr.Literal{}, false
}
