package conformance

import (
	"encoding/hex"
	"fmt"
	"strings"

	"stead/policy/expr"
)

// wireTypes is one type for each PostgreSQL type that a column may have.
func wireTypes() []expr.Type {
	out := []expr.Type{expr.BoolType, expr.IntType, {Kind: expr.Int, Bits: 16}, {Kind: expr.Int, Bits: 32}, expr.DecimalType(10, 2),
		{Kind: expr.Float}, {Kind: expr.Float, Bits: 32}, expr.TextType, {Kind: expr.Text, Length: 1}, {Kind: expr.Text, Length: 1, Fixed: true},
		{Kind: expr.Binary}, expr.DateType, {Kind: expr.Time}, expr.TimestampType, expr.InstantType, {Kind: expr.UUID}, {Kind: expr.JSON},
		{Kind: expr.Opaque, Native: "INTERVAL"}, {Kind: expr.Opaque, Native: "BIT"}}
	for _, t := range out {
		out = append(out, expr.Type{Kind: expr.Array, Elem: &t})
	}
	return out
}

// fromWire reads a value in PostgreSQL's text format.
func fromWire(b []byte, t expr.Type) (expr.Value, error) {
	if b == nil {
		return expr.Null, nil
	}
	s := string(b)
	switch t.Kind {
	case expr.Bool:
		switch s {
		case "t":
			return expr.BoolValue(true), nil
		case "f":
			return expr.BoolValue(false), nil
		}
	case expr.Binary:
		raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return expr.BinaryValue(raw), err
	case expr.Time:
		return written(micros(s), t)
	case expr.Timestamp:
		return written(micros(strings.Replace(s, " ", "T", 1)), t)
	case expr.Instant:
		utc, ok := strings.CutSuffix(s, "+00")
		if !ok {
			return expr.Null, fmt.Errorf("%q is not in UTC", s)
		}
		return written(micros(strings.Replace(utc, " ", "T", 1))+"Z", t)
	case expr.Array:
		return arrayFromWire(s, *t.Elem)
	default:
		return written(s, t)
	}
	return expr.Null, fmt.Errorf("%q is not a %s", s, t)
}

// micros writes out all six digits of a second's fraction.
func micros(s string) string {
	whole, frac, _ := strings.Cut(s, ".")
	return whole + "." + frac + strings.Repeat("0", max(0, 6-len(frac)))
}

// arrayFromWire reads an array without nesting.
func arrayFromWire(s string, elem expr.Type) (expr.Value, error) {
	out := expr.Value{Kind: expr.Array, Valid: true, Items: []expr.Value{}}
	inner, ok := strings.CutPrefix(s, "{")
	if !ok || !strings.HasSuffix(inner, "}") {
		return expr.Null, fmt.Errorf("%q is not an array", s)
	}
	for rest := strings.TrimSuffix(inner, "}"); rest != ""; {
		var item string
		quoted := rest[0] == '"'
		item, rest = nextItem(rest)
		rest = strings.TrimPrefix(rest, ",")
		if item == "NULL" && !quoted {
			out.Items = append(out.Items, expr.Null)
			continue
		}
		v, err := fromWire([]byte(item), elem)
		if err != nil {
			return expr.Null, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

func nextItem(s string) (item, rest string) {
	if s[0] != '"' {
		if i := strings.IndexByte(s, ','); i >= 0 {
			return s[:i], s[i:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
