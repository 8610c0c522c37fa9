package duckdb

import (
	"fmt"
	"strings"

	"stead/policy/expr"
)

// text is the canonical text of a value, NULL where it has none.
func (p Printer) text(n expr.Node) (string, error) {
	x, err := p.Expr(n)
	if err != nil {
		return "", err
	}
	t := n.Type()
	switch t.Kind {
	case expr.Bool:
		return "CASE WHEN " + x + " THEN 'true' WHEN NOT " + x + " THEN 'false' END", nil
	case expr.Int:
		return "CAST(" + x + " AS VARCHAR)", nil
	case expr.Decimal:
		return decimalText(x, t), nil
	case expr.Text:
		return x, nil
	case expr.UUID:
		return fn("lower", "CAST("+x+" AS VARCHAR)"), nil
	case expr.Binary:
		return fn("lower", fn("hex", x)), nil
	case expr.Date:
		return when(inYears(t, x), "CAST("+x+" AS VARCHAR)"), nil
	case expr.Time:
		return timeText(x), nil
	case expr.Timestamp:
		return when(inYears(t, x), fn("strftime", x, "'%Y-%m-%dT%H:%M:%S.%f'")), nil
	case expr.Instant:
		return when(inYears(t, x), fn("strftime", wall(n, x), "'%Y-%m-%dT%H:%M:%S.%fZ'")), nil
	}
	return "", unsupported("%s has no text", typed(n))
}

// decimalText: where every digit is behind the point DuckDB leaves out the zero before it.
func decimalText(x string, t expr.Type) string {
	if t.Precision != t.Scale {
		return "CAST(" + x + " AS VARCHAR)"
	}
	digits := "CAST(" + x + " AS VARCHAR)"
	return "CASE WHEN " + x + " < 0 THEN " + fn(`"||"`, "'-0'", fn("substr", digits, "2")) + " ELSE " + fn(`"||"`, "'0'", digits) + " END"
}

// timeText pads the fraction, which DuckDB prints as short as it can; 24:00:00 has none.
func timeText(x string) string {
	s := "CAST(" + x + " AS VARCHAR)"
	long := "CASE WHEN " + fn("length", s) + " = CAST('8' AS BIGINT) THEN " + fn(`"||"`, s, "'.000000'") +
		" ELSE " + fn("rpad", s, "CAST('15' AS INTEGER)", "'0'") + " END"
	return when(x+" < CAST('24:00:00' AS TIME)", long)
}

func (p Printer) hash(c expr.Call) (string, error) {
	key, err := p.key(c.Args[0])
	if err != nil {
		return "", err
	}
	text, err := p.text(c.Args[1])
	if err != nil {
		return "", err
	}
	digest := fn("sha256", fn(`"||"`, key, text))
	if c.Func == expr.Sample {
		return "(" + fn("encode", fn("substr", digest, "1", "4")) + " < " + textBytes(expr.SampleBelow(integer(c, 2))) + ")", nil
	}
	if n := integer(c, 2); n < 64 {
		digest = fn("substr", digest, "1", number(n))
	}
	return digest, nil
}

// cast changes the shape within one kind.
func (p Printer) cast(c expr.Call) (string, error) {
	x, err := p.Expr(c.Args[0])
	if err != nil {
		return "", err
	}
	from, to := c.Args[0].Type(), c.Type()
	to.Native = ""
	if from.Kind != to.Kind {
		return "", unsupported("%s cannot become %s", from, to)
	}
	name, err := TypeName(to)
	if err != nil {
		return "", err
	}
	switch to.Kind {
	case expr.Text:
		if to.Length > 0 {
			x = fn("substr", x, "1", number(int64(to.Length)))
		}
		if to.Fixed {
			x = fn("rtrim", x, "' '")
		}
		return x, nil
	case expr.Int:
		lo, hi := expr.IntRange(to)
		return when(x+" BETWEEN "+number(lo)+" AND "+number(hi), "CAST("+x+" AS "+name+")"), nil
	case expr.Decimal:
		return decimalCast(x, from, to, name), nil
	case expr.Float:
		return attempt(x, name), nil
	}
	return x, nil
}

// attempt is NULL where the cast fails. The bare TRY_CAST will not do: beside a constant
// DuckDB compares its argument instead, so that a value it cannot hold is not NULL but,
// say, larger.
func attempt(x, name string) string { return when(x+" IS NOT NULL", "TRY_CAST("+x+" AS "+name+")") }

// decimalCast rounds half away from zero, as DuckDB's cast does, and gives NULL where
// digits before the point would be lost.
func decimalCast(x string, from, to expr.Type, name string) string {
	whole := to.Precision - to.Scale
	if to.Scale < from.Scale { // rounding may add a digit, which the widest type has room for
		x = fmt.Sprintf("CAST(%s AS DECIMAL(38,%d))", x, to.Scale)
		from = expr.DecimalType(38, to.Scale)
	}
	if from.Precision-from.Scale <= whole {
		return "CAST(" + x + " AS " + name + ")"
	}
	limit := fmt.Sprintf("CAST('%%s1%s' AS DECIMAL(%d,%d))", strings.Repeat("0", whole), from.Precision, from.Scale)
	return when(x+" > "+fmt.Sprintf(limit, "-")+" AND "+x+" < "+fmt.Sprintf(limit, ""), "CAST("+x+" AS "+name+")")
}
