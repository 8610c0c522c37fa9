package policy

import (
	"fmt"
	"strings"

	"stead/policy/expr"
)

// constantMask shows one value, written as the canonical text of the column's type. A decimal
// may leave out zeros at its end.
type constantMask struct{}

func (constantMask) name() string { return "constant" }

func (constantMask) check(m *MaskingConfig, path string) Problems {
	return m.only(path, []string{"constant"}, nil)
}

func (constantMask) build(m *MaskingConfig, col expr.Column, _ expr.Key) (expr.Node, error) {
	if col.Typ.Kind == expr.Text {
		return expr.TextLit(*m.Constant), nil
	}
	v, ok := expr.ParseCanonical(*m.Constant, col.Typ)
	if !ok && col.Typ.Kind == expr.Decimal {
		v, ok = expr.ParseCanonical(padScale(*m.Constant, col.Typ.Scale), col.Typ)
	}
	if !ok {
		return nil, fmt.Errorf("%q is not a value of type %s", *m.Constant, col.Typ)
	}
	return expr.Literal{Value: v, Typ: col.Typ}, nil
}

func padScale(s string, scale int) string {
	whole, frac, _ := strings.Cut(s, ".")
	if missing := scale - len(frac); missing > 0 {
		return whole + "." + frac + strings.Repeat("0", missing)
	}
	return s
}
