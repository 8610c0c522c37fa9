package duckdb

import (
	"fmt"
	"math/big"
	"strconv"

	"stead/policy/expr"
)

const (
	minInt = "CAST('-9223372036854775808' AS BIGINT)"
	maxInt = "CAST('9223372036854775807' AS BIGINT)"
)

func numberCall(c expr.Call, a []string) (string, bool) {
	x := a[0]
	switch c.Func {
	case expr.Add:
		return inRange(`"+"`, x, a[1]), true
	case expr.Sub:
		return inRange(`"-"`, x, a[1]), true
	case expr.Mul:
		return inRange(`"*"`, x, a[1]), true
	case expr.Div:
		return fn(`"//"`, bigint(x), number(integer(c, 1))), true
	case expr.Mod:
		return fn(`"%"`, bigint(x), number(integer(c, 1))), true
	case expr.Abs:
		return when(bigint(x)+" <> "+minInt, fn("abs", bigint(x))), true
	case expr.Bucket:
		return bucket(c, x), true
	case expr.Floor, expr.Ceil:
		return "CAST(" + fn(string(c.Func), x) + " AS DECIMAL(38,0))", true
	case expr.Round:
		n := integer(c, 1)
		// as wide as it gets: the digit that rounding may add must fit
		wide := fmt.Sprintf("CAST(%s AS DECIMAL(38,%d))", x, c.Args[0].Type().Scale)
		return fmt.Sprintf("CAST(%s AS DECIMAL(38,%d))", fn("round", wide, strconv.FormatInt(n, 10)), n), true
	}
	return "", false
}

func bigint(x string) string  { return "CAST(" + x + " AS BIGINT)" }
func hugeint(x string) string { return "CAST(" + x + " AS HUGEINT)" }

// inRange computes in 128 bits and gives NULL outside of 64.
func inRange(op, x, y string) string {
	sum := fn(op, hugeint(x), hugeint(y))
	return when(sum+" BETWEEN CAST("+minInt+" AS HUGEINT) AND CAST("+maxInt+" AS HUGEINT)", bigint(sum))
}

// bucket is the largest multiple of the width not above x.
func bucket(c expr.Call, x string) string {
	if c.Args[0].Type().Kind == expr.Float {
		w := "CAST('" + strconv.FormatFloat(c.Args[1].(expr.Literal).Value.Float, 'g', -1, 64) + "' AS DOUBLE)"
		low := fn(`"*"`, fn("floor", fn(`"/"`, "CAST("+x+" AS DOUBLE)", w)), w)
		return when(fn("isfinite", low), low)
	}
	if c.Args[0].Type().Kind == expr.Decimal {
		return decimalBucket(c, x)
	}
	w := hugeint(number(integer(c, 1)))
	rest := fn(`"%"`, fn(`"+"`, fn(`"%"`, hugeint(x), w), w), w)
	low := fn(`"-"`, hugeint(x), rest)
	return when(low+" >= CAST("+minInt+" AS HUGEINT)", bigint(low))
}

// decimalBucket computes with the places of x; the width is far enough below 38 digits that
// only the last subtraction could leave them.
func decimalBucket(c expr.Call, x string) string {
	scale := c.Args[0].Type().Scale
	wide := func(text string) string { return fmt.Sprintf("CAST(%s AS DECIMAL(38,%d))", text, scale) }
	exact := func(unscaled *big.Int) string {
		text, _ := expr.CanonicalText(expr.DecimalValue(unscaled, scale), expr.DecimalType(38, scale))
		return wide("'" + text + "'")
	}
	unscaled, _ := expr.BucketWidth(c.Args[1], scale) // NewCall has made sure that there is one
	w, least := exact(unscaled), exact(lowest())
	rest := fn(`"%"`, fn(`"+"`, fn(`"%"`, wide(x), w), w), w)
	return when(wide(x)+" >= "+fn(`"+"`, least, rest), fn(`"-"`, wide(x), rest))
}

// lowest is the lowest decimal of 38 digits, in units of its last place.
func lowest() *big.Int {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
	return p.Sub(big.NewInt(1), p)
}
