package conformance

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stead/policy/expr"
)

// valueOf reads a value as a case writes it: a text in the canonical form of the type, a number, true, false, null,
// or a list. Dates, timestamps and times beyond what has a canonical text are read too.
func valueOf(x any, t expr.Type) (expr.Value, error) {
	bad := fmt.Errorf("%v is not a value of type %s", x, t)
	switch x := x.(type) {
	case nil:
		return expr.Null, nil
	case bool:
		if t.Kind == expr.Bool {
			return expr.BoolValue(x), nil
		}
	case json.Number:
		return number(x.String(), t)
	case []any:
		if t.Kind != expr.Array || t.Elem == nil {
			return expr.Null, bad
		}
		v := expr.Value{Kind: expr.Array, Valid: true, Items: []expr.Value{}}
		for _, item := range x {
			e, err := valueOf(item, *t.Elem)
			if err != nil {
				return expr.Null, err
			}
			v.Items = append(v.Items, e)
		}
		return v, nil
	case string:
		return written(x, t)
	}
	return expr.Null, bad
}

func number(s string, t expr.Type) (expr.Value, error) {
	switch t.Kind {
	case expr.Decimal:
		if whole, frac, _ := strings.Cut(s, "."); len(frac) < t.Scale {
			s = whole + "." + frac + strings.Repeat("0", t.Scale-len(frac))
		}
	case expr.Int, expr.Float:
	default:
		return expr.Null, fmt.Errorf("%s is not a value of type %s: write it in quotes", s, t)
	}
	return written(s, t)
}

func written(s string, t expr.Type) (expr.Value, error) {
	switch t.Kind {
	case expr.Text:
		if t.Fixed {
			return expr.TextValue(s), nil
		}
	case expr.Float:
		f, err := strconv.ParseFloat(s, 64)
		if t.Bits == 32 {
			f = float64(float32(f))
		}
		return expr.FloatValue(f), err
	case expr.Opaque, expr.JSON, expr.Struct, expr.Map:
		return expr.Value{Kind: t.Kind, Valid: true, Text: s}, nil
	}
	if v, ok := expr.ParseCanonical(s, t); ok {
		return v, nil
	}
	return beyond(s, t)
}

// beyond reads points in time without canonical text: years outside 1-9999, and 24:00.
func beyond(s string, t expr.Type) (expr.Value, error) {
	bad := fmt.Errorf("%q is not a value of type %s", s, t)
	if t.Kind == expr.Time && s == "24:00:00.000000" {
		return expr.Value{Kind: expr.Time, Valid: true, Int: 86_400_000_000}, nil
	}
	var y, m, d int
	day, clock, _ := strings.Cut(s, "T")
	if n, err := fmt.Sscanf(day, "%d-%d-%d", &y, &m, &d); n != 3 || err != nil {
		return expr.Null, bad
	}
	at := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	switch t.Kind {
	case expr.Date:
		return expr.DateValue(at.Unix() / 86400), nil
	case expr.Timestamp, expr.Instant:
		c, err := time.Parse("15:04:05.000000", strings.TrimSuffix(clock, "Z"))
		if err != nil {
			return expr.Null, bad
		}
		us := at.Unix()*1_000_000 + int64(c.Hour()*3600+c.Minute()*60+c.Second())*1_000_000 + int64(c.Nanosecond()/1000)
		return expr.Value{Kind: t.Kind, Valid: true, Int: us}, nil
	}
	return expr.Null, bad
}

// show is a value as engines are compared by: the canonical text in quotes, or a text of its own
// for types that have none.
func show(v expr.Value, t expr.Type) string {
	if !v.Valid {
		return "NULL"
	}
	if s, ok := expr.CanonicalText(v, t); ok {
		return strconv.Quote(s)
	}
	switch t.Kind {
	case expr.Float:
		bits := 64
		if t.Bits == 32 {
			bits = 32
		}
		return strconv.FormatFloat(v.Float, 'g', -1, bits)
	case expr.Array:
		parts := make([]string, len(v.Items))
		for i, x := range v.Items {
			parts[i] = show(x, *t.Elem)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case expr.Date, expr.Time, expr.Timestamp, expr.Instant:
		return fmt.Sprintf("%s %d", t.Kind, v.Int)
	default:
		return strconv.Quote(v.Text)
	}
}
