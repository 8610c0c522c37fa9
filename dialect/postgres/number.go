package postgres

import (
	"math"
	"math/big"
	"strings"

	"stead/policy/expr"
)

const (
	minInt = "CAST('-9223372036854775808' AS pg_catalog.int8)"
	maxInt = "CAST('9223372036854775807' AS pg_catalog.int8)"
)

func numberCall(c expr.Call, a []string) (string, bool) {
	x := a[0]
	switch c.Func {
	case expr.Add:
		return inRange("+", x, a[1]), true
	case expr.Sub:
		return inRange("-", x, a[1]), true
	case expr.Mul:
		return inRange("*", x, a[1]), true
	case expr.Div:
		return op(bigint(x), "/", number(integer(c, 1))), true
	case expr.Mod:
		return op(bigint(x), "%", number(integer(c, 1))), true
	case expr.Abs:
		return when(op(bigint(x), "<>", minInt), fn("abs", bigint(x))), true
	case expr.Bucket:
		return bucket(c, x), true
	case expr.Floor, expr.Ceil:
		return fn(string(c.Func), x), true
	case expr.Round:
		return fn("round", x, decimal(integer(c, 1))), true
	}
	return "", false
}

func bigint(x string) string  { return cast(x, "pg_catalog.int8") }
func numeric(x string) string { return cast(x, "pg_catalog.numeric") }
func number(n int64) string   { return bigint("'" + decimal(n) + "'") }
func double(f float64) string { return cast(floatText(f), "pg_catalog.float8") }
func unscaled(d *big.Int, scale int) string {
	text, _ := expr.CanonicalText(expr.DecimalValue(d, scale), expr.DecimalType(100, scale))
	return numeric("'" + text + "'")
}

// inRange computes without limits and gives NULL outside of 64 bits.
func inRange(name, x, y string) string {
	sum := op(numeric(x), name, numeric(y))
	return when(within(sum, numeric(minInt), numeric(maxInt)), bigint(sum))
}

// bucket is the largest multiple of the width not above x.
func bucket(c expr.Call, x string) string {
	switch t := c.Args[0].Type(); t.Kind {
	case expr.Float:
		return floatBucket(cast(x, "pg_catalog.float8"), c.Args[1].(expr.Literal).Value.Float)
	case expr.Decimal:
		w, _ := expr.BucketWidth(c.Args[1], t.Scale) // NewCall has made sure that there is one
		least := new(big.Int).Sub(pow10(38), big.NewInt(1))
		least.Neg(least.Mul(least.Quo(least, w), w))
		return multiple(x, unscaled(w, t.Scale), unscaled(new(big.Int), t.Scale), unscaled(least, t.Scale))
	}
	w := integer(c, 1)
	return multiple(bigint(x), number(w), number(0), number(math.MinInt64/w*w))
}

// multiple is NULL below the least multiple of w that can be held. From zero up, where most numbers are, it takes one
// remainder: those of decimals are dear.
func multiple(x, w, zero, least string) string {
	rest := op(op(op(x, "%", w), "+", w), "%", w)
	return "CASE WHEN " + op(x, ">=", zero) + " THEN " + op(x, "-", op(x, "%", w)) +
		" WHEN " + op(x, ">=", least) + " THEN " + op(x, "-", rest) + " END"
}

// floatBucket asks first whether x lies where neither the division nor the product leaves the range of
// floats, at either end: PostgreSQL fails there.
func floatBucket(x string, w float64) string {
	finite := func(sign float64) float64 {
		return sign * edge(func(f float64) bool { return !math.IsInf(math.Floor(sign*f/w)*w, 0) })
	}
	low := op(fn("floor", op(x, "/", double(w))), "*", double(w))
	if gone := edge(func(f float64) bool { return f/w == 0 }); gone > 0 { // the quotient would be too small
		low = "CASE WHEN " + op(fn("abs", x), "<=", double(gone)) + " THEN " + double(0) + " ELSE " + low + " END"
	}
	return when(within(x, double(finite(-1)), double(finite(1))), low)
}

// edge is the largest float from 0 for which ok holds, where it holds from 0 up to some float.
func edge(ok func(float64) bool) float64 {
	low, high := uint64(0), math.Float64bits(math.MaxFloat64)+1
	for high-low > 1 {
		if mid := low + (high-low)/2; ok(math.Float64frombits(mid)) {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Float64frombits(low)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// shaped is a number as type to holds it: decimals round half away from zero, and what is out of range is NULL.
func shaped(x string, from, to expr.Type, name string) string {
	switch to.Kind {
	case expr.Int:
		lo, hi := expr.IntRange(to)
		if fromLo, fromHi := expr.IntRange(from); fromLo >= lo && fromHi <= hi {
			return cast(x, name)
		}
		return when(within(x, number(lo), number(hi)), cast(x, name))
	case expr.Decimal:
		rounded := fn("round", x, decimal(int64(to.Scale)))
		whole, was := to.Precision-to.Scale, from.Precision-from.Scale
		if was < whole || was == whole && to.Scale >= from.Scale {
			return rounded
		}
		limit := "1" + strings.Repeat("0", whole)
		return when(op(rounded, ">", numeric("'-"+limit+"'"))+" AND "+op(rounded, "<", numeric("'"+limit+"'")), rounded)
	}
	if to.Bits != 32 {
		return cast(x, name)
	}
	return float4(cast(x, "pg_catalog.float8"), name)
}

// float4 is 0 for what is too small and NULL for what is too large, where the cast would fail. NaN and the infinities stay.
func float4(x, name string) string {
	const tooSmall = 0x1p-150                      // and everything nearer to 0
	tooLarge := math.MaxFloat32 + float64(0x1p103) // and everything above
	size := fn("abs", x)
	return "CASE WHEN " + op(size, "<=", double(tooSmall)) + " THEN " + cast("'0'", name) +
		" WHEN " + op(size, "<", double(tooLarge)) + " OR " + op(size, ">=", double(math.Inf(1))) + " THEN " + cast(x, name) + " END"
}
