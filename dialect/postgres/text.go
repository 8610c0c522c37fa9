package postgres

import (
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
	case expr.Text:
		return x, nil
	case expr.Bool:
		x = "CASE WHEN " + x + " THEN 'true' WHEN NOT " + x + " THEN 'false' END"
	case expr.Int, expr.UUID:
		x = cast(x, "pg_catalog.text")
	case expr.Decimal:
		x = cast(fn("round", x, decimal(int64(t.Scale))), "pg_catalog.text")
	case expr.Binary:
		x = fn("encode", x, "'hex'")
	case expr.Date:
		x = when(inYears(t, x), fn("to_char", wall(t, x), "'YYYY-MM-DD'"))
	case expr.Time: // 24:00:00 has none
		x = when(op(x, "<", fn("make_time", "24, 0, 0")), fn("to_char", cast(x, "pg_catalog.interval"), "'HH24:MI:SS.US'"))
	case expr.Timestamp:
		x = when(inYears(t, x), fn("to_char", x, `'YYYY-MM-DD"T"HH24:MI:SS.US'`))
	case expr.Instant:
		x = when(inYears(t, x), fn("to_char", wall(t, x), `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`))
	default:
		return "", unsupported("%s has no text", typed(n))
	}
	return bytewise(x), nil
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
	digest := bytewise(fn("encode", fn("sha256", fn("convert_to", op("("+key+")", "||", text), "'UTF8'")), "'hex'"))
	if c.Func == expr.Sample {
		return op(fn("substr", digest, "1", "4"), "<", "'"+expr.SampleBelow(integer(c, 2))+"'"), nil
	}
	if n := integer(c, 2); n < 64 {
		digest = fn("substr", digest, "1", decimal(n))
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
			x = fn("substr", x, "1", decimal(int64(to.Length)))
		}
		if to.Fixed {
			x = fn("rtrim", x, "' '")
		}
		return x, nil
	case expr.Int, expr.Decimal, expr.Float:
		return shaped(x, from, to, name), nil
	}
	return x, nil
}
