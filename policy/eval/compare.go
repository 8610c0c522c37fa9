package eval

import (
	"math"
	"math/big"
	"strings"

	"stead/policy/expr"
)

// comparison is a comparison of two values that are not NULL. NaN cannot be ordered: NULL.
func comparison(holds func(int) bool) function {
	return func(_ expr.Call, a []expr.Value) expr.Value { return ordered(a[0], a[1], holds) }
}

func ordered(a, b expr.Value, holds func(int) bool) expr.Value {
	if !a.Valid || !b.Valid || isNaN(a) || isNaN(b) {
		return expr.Null
	}
	return expr.BoolValue(holds(compare(a, b)))
}

func isNaN(v expr.Value) bool { return v.Kind == expr.Float && math.IsNaN(v.Float) }

func in(_ expr.Call, a []expr.Value) expr.Value {
	for _, v := range a[1:] {
		if compare(a[0], v) == 0 {
			return expr.BoolValue(true)
		}
	}
	return expr.BoolValue(false)
}

// compare orders two values of one class: texts by their UTF-8 bytes, numbers exactly.
func compare(a, b expr.Value) int {
	switch a.Kind {
	case expr.Text, expr.UUID:
		return strings.Compare(a.Text, b.Text)
	case expr.Binary:
		return strings.Compare(string(a.Bytes), string(b.Bytes))
	case expr.Bool:
		switch {
		case a.Bool == b.Bool:
			return 0
		case b.Bool:
			return -1
		}
		return 1
	case expr.Float:
		switch {
		case a.Float < b.Float:
			return -1
		case a.Float > b.Float:
			return 1
		}
		return 0
	default:
		return rational(a).Cmp(rational(b))
	}
}

func rational(v expr.Value) *big.Rat {
	if v.Kind != expr.Decimal {
		return new(big.Rat).SetInt64(v.Int)
	}
	return new(big.Rat).SetFrac(v.Dec, pow10(v.Scale))
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
