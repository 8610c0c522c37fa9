package duckdb

import (
	"fmt"
	"strings"

	"stead/dialect"
	"stead/policy/expr"
)

var comparisons = map[expr.Func]string{
	expr.Eq: "=", expr.Ne: "<>", expr.Lt: "<", expr.Le: "<=", expr.Gt: ">", expr.Ge: ">=", expr.Same: "IS NOT DISTINCT FROM",
}

func (p Printer) compare(f expr.Func, a, b expr.Node) (string, error) {
	op, ok := comparisons[f]
	if !ok {
		return "", unsupported("the comparison %q is not available on the embedded engine", string(f))
	}
	x, y, err := p.pair(a, b)
	if err != nil {
		return "", err
	}
	s := "(" + x.sql + " " + op + " " + y.sql + ")"
	switch {
	case a.Type().Kind == expr.Float: // a NaN has no order
		nan := fn("isnan", x.sql)
		if _, ok := a.(expr.Literal); ok {
			nan = fn("isnan", y.sql)
		}
		return "CASE WHEN NOT " + nan + " THEN " + s + " END", nil
	case x.source != "" || y.source != "":
		return beyond(f, s, x, y), nil
	}
	return s, nil
}

// operand is one side of a comparison. source is set where sql is NULL for numbers too
// large for the common type.
type operand struct{ sql, source string }

// pair prints two nodes such that DuckDB compares them in one type and byte by byte.
func (p Printer) pair(a, b expr.Node) (operand, operand, error) {
	if a.Type().IsNumber() && b.Type().IsNumber() {
		return p.numbers(a, b)
	}
	x, err := p.operand(a)
	if err != nil {
		return operand{}, operand{}, err
	}
	y, err := p.operand(b)
	return operand{sql: x}, operand{sql: y}, err
}

func (p Printer) operand(n expr.Node) (string, error) {
	if n.Type().Kind == expr.Text && !p.PlainText {
		if l, ok := n.(expr.Literal); ok && l.Value.Valid {
			_, err := textLiteral(l.Value.Text)
			return textBytes(l.Value.Text), err
		}
		s, err := p.Expr(n)
		return fn("encode", s), err
	}
	return p.Expr(n)
}

func (p Printer) numbers(a, b expr.Node) (operand, operand, error) {
	a, b = dialect.AsLike(a, b), dialect.AsLike(b, a)
	x, err := p.Expr(a)
	if err != nil {
		return operand{}, operand{}, err
	}
	y, err := p.Expr(b)
	if err != nil {
		return operand{}, operand{}, err
	}
	ta, tb := asDecimal(a.Type()), asDecimal(b.Type())
	if a.Type().Kind == expr.Int && b.Type().Kind == expr.Int || ta.Precision == tb.Precision && ta.Scale == tb.Scale && a.Type().Kind == b.Type().Kind {
		return operand{sql: x}, operand{sql: y}, nil
	}
	scale := max(ta.Scale, tb.Scale)
	return widened(x, ta, scale), widened(y, tb, scale), nil
}

func asDecimal(t expr.Type) expr.Type {
	if t.Kind == expr.Int {
		return expr.DecimalType(19, 0)
	}
	return t
}

// widened casts to the common scale; what does not fit 38 digits becomes NULL, with the
// source kept to tell which side is the larger.
func widened(x string, t expr.Type, scale int) operand {
	whole := t.Precision - t.Scale
	if whole+scale <= 38 {
		return operand{sql: fmt.Sprintf("CAST(%s AS DECIMAL(38,%d))", x, scale)}
	}
	return operand{sql: fmt.Sprintf("TRY_CAST(%s AS DECIMAL(38,%d))", x, scale), source: x}
}

// beyond compares where one side may be too large for the common type: it is then farther
// from zero than any value of the other side, so its sign decides.
func beyond(f expr.Func, plain string, x, y operand) string {
	far, swap := x, false
	if far.source == "" {
		far, swap = y, true
	}
	var decided string
	switch f {
	case expr.Eq, expr.Same:
		decided = "FALSE"
	case expr.Ne:
		decided = "TRUE"
	case expr.Lt, expr.Le:
		decided = "(" + far.source + " < 0)"
		if swap {
			decided = "(" + far.source + " > 0)"
		}
	default:
		decided = "(" + far.source + " > 0)"
		if swap {
			decided = "(" + far.source + " < 0)"
		}
	}
	near := y
	if swap {
		near = x
	}
	guard := far.sql + " IS NULL AND " + far.source + " IS NOT NULL"
	if f != expr.Same {
		guard += " AND " + near.sql + " IS NOT NULL"
	}
	return "CASE WHEN " + guard + " THEN " + decided + " ELSE " + plain + " END"
}

// in prints a list of literals. Numbers that are no value of x's type cannot be in the list.
func (p Printer) in(x expr.Node, list []expr.Node) (string, error) {
	var parts []string
	for _, n := range list {
		if x.Type().IsNumber() {
			l, ok := dialect.Exact(n.(expr.Literal).Value, x.Type())
			if !ok {
				continue
			}
			n = l
		}
		s, err := p.operand(n)
		if err != nil {
			return "", err
		}
		parts = append(parts, s)
	}
	s, err := p.operand(x)
	if err != nil {
		return "", err
	}
	if len(parts) == 0 {
		return when(s+" IS NOT NULL", "FALSE"), nil
	}
	return "(" + s + " IN (" + strings.Join(parts, ", ") + "))", nil
}

func (p Printer) between(a []expr.Node) (string, error) {
	low, err := p.compare(expr.Ge, a[0], a[1])
	if err != nil {
		return "", err
	}
	high, err := p.compare(expr.Le, a[0], a[2])
	return "(" + low + " AND " + high + ")", err
}
