package expr

import (
	"bytes"
	"cmp"
	"math/big"
	"strings"
)

// compareValues orders two values of one class: numbers by value, texts and bytes by
// their bytes, the rest by time.
func compareValues(a, b Value) int {
	switch a.Kind {
	case Bool:
		return boolInt(a.Bool) - boolInt(b.Bool)
	case Text, UUID:
		return strings.Compare(a.Text, b.Text)
	case Binary:
		return bytes.Compare(a.Bytes, b.Bytes)
	case Int, Decimal:
		if a.Kind == Int && b.Kind == Int {
			return cmp.Compare(a.Int, b.Int)
		}
		scale := max(a.Scale, b.Scale)
		return scaled(a, scale).Cmp(scaled(b, scale))
	default:
		return cmp.Compare(a.Int, b.Int)
	}
}

func scaled(v Value, scale int) *big.Int {
	d, from := v.Dec, v.Scale
	if v.Kind == Int {
		d, from = big.NewInt(v.Int), 0
	}
	out, _ := Rescale(d, from, scale)
	return out
}

// compareFloats orders two floats, of which neither is NaN.
func compareFloats(a, b float64) int { return cmp.Compare(a, b) }
