package eval

import (
	"math"
	"math/big"

	"stead/policy/expr"
)

func addBig(z, a, b *big.Int) *big.Int { return z.Add(a, b) }
func subBig(z, a, b *big.Int) *big.Int { return z.Sub(a, b) }
func mulBig(z, a, b *big.Int) *big.Int { return z.Mul(a, b) }

// exact computes without overflow and gives NULL outside int64.
func exact(op func(z, a, b *big.Int) *big.Int) function {
	return func(_ expr.Call, a []expr.Value) expr.Value {
		return int64Of(op(new(big.Int), big.NewInt(a[0].Int), big.NewInt(a[1].Int)))
	}
}

func int64Of(b *big.Int) expr.Value {
	if !b.IsInt64() {
		return expr.Null
	}
	return expr.IntValue(b.Int64())
}

func abs(_ expr.Call, a []expr.Value) expr.Value {
	return int64Of(new(big.Int).Abs(big.NewInt(a[0].Int)))
}

func div(_ expr.Call, a []expr.Value) expr.Value { return expr.IntValue(a[0].Int / a[1].Int) }

func mod(_ expr.Call, a []expr.Value) expr.Value { return expr.IntValue(a[0].Int % a[1].Int) }

// bucket of a float is IEEE floor(x/w)*w, of an int or decimal the largest multiple of the
// width not above it. What is not finite, not an int64 or beyond 38 digits is NULL.
func bucket(c expr.Call, a []expr.Value) expr.Value {
	switch a[0].Kind {
	case expr.Decimal:
		return decimalBucket(a[0], a[1])
	case expr.Float:
		f := math.Floor(a[0].Float/a[1].Float) * a[1].Float
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return expr.Null
		}
		return expr.FloatValue(f)
	}
	w := big.NewInt(a[1].Int)
	q := new(big.Int).Div(big.NewInt(a[0].Int), w) // Euclidean: downwards for w > 0
	return int64Of(q.Mul(q, w))
}

func decimalBucket(x, width expr.Value) expr.Value {
	w := new(big.Int)
	if width.Kind == expr.Int {
		w.Mul(big.NewInt(width.Int), pow10(x.Scale))
	} else {
		w.Mul(width.Dec, pow10(x.Scale-width.Scale))
	}
	q := new(big.Int).Div(x.Dec, w)
	if q.Mul(q, w).CmpAbs(pow10(38)) >= 0 {
		return expr.Null
	}
	return expr.DecimalValue(q, x.Scale)
}

func floor(_ expr.Call, a []expr.Value) expr.Value {
	return expr.DecimalValue(new(big.Int).Div(a[0].Dec, pow10(a[0].Scale)), 0)
}

func ceil(_ expr.Call, a []expr.Value) expr.Value {
	d := new(big.Int).Neg(a[0].Dec)
	d.Div(d, pow10(a[0].Scale))
	return expr.DecimalValue(d.Neg(d), 0)
}

func round(_ expr.Call, a []expr.Value) expr.Value { return rounded(a[0], int(a[1].Int)) }

// rounded is half away from zero.
func rounded(v expr.Value, scale int) expr.Value {
	if scale >= v.Scale {
		return expr.DecimalValue(new(big.Int).Mul(v.Dec, pow10(scale-v.Scale)), scale)
	}
	unit := pow10(v.Scale - scale)
	q, r := new(big.Int).QuoRem(v.Dec, unit, new(big.Int))
	if r.Abs(r).Lsh(r, 1).Cmp(unit) >= 0 {
		q.Add(q, big.NewInt(int64(v.Dec.Sign())))
	}
	return expr.DecimalValue(q, scale)
}

func cast(c expr.Call, a []expr.Value) expr.Value {
	t, v := c.Type(), a[0]
	switch t.Kind {
	case expr.Text:
		if t.Length > 0 {
			v = slice(v.Text, 0, int64(t.Length))
		}
		if t.Fixed {
			v = rtrim(c, []expr.Value{v})
		}
		return v
	case expr.Int:
		if lo, hi := expr.IntRange(t); v.Int < lo || v.Int > hi {
			return expr.Null
		}
	case expr.Decimal:
		v = rounded(v, t.Scale)
		if new(big.Int).Abs(v.Dec).Cmp(pow10(t.Precision)) >= 0 {
			return expr.Null
		}
	case expr.Float:
		if t.Bits != 32 {
			return v
		}
		f := float64(float32(v.Float))
		if math.IsInf(f, 0) && !math.IsInf(v.Float, 0) {
			return expr.Null
		}
		v.Float = f
	}
	return v
}
