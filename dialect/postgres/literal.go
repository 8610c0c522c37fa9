package postgres

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"stead/policy/expr"
)

// Literal prints a constant of type t, as a constant that no setting changes. It refuses
// what PostgreSQL could not hold, and an enum's label: whether that is one only the server knows.
func Literal(v expr.Value, t expr.Type) (string, error) {
	name, err := TypeName(t)
	if err != nil {
		return "", err
	}
	if !v.Valid {
		return cast("NULL", name), nil
	}
	if v.Kind != t.Kind {
		return "", unsupported("a constant of kind %s cannot be of type %s", v.Kind, t)
	}
	switch t.Kind {
	case expr.Bool:
		return strings.ToUpper(strconv.FormatBool(v.Bool)), nil
	case expr.Text:
		return textLiteral(v.Text, t, name)
	case expr.Binary:
		return fn("decode", "'"+hex.EncodeToString(v.Bytes)+"'", "'hex'"), nil
	case expr.UUID:
		if _, ok := expr.CanonicalText(v, t); !ok {
			return "", unsupported("a constant is not a UUID")
		}
		return cast("'"+v.Text+"'", name), nil
	case expr.Array:
		return arrayLiteral(v, t, name)
	case expr.Int, expr.Decimal, expr.Float:
		text, err := numberText(v, t)
		return cast(text, name), err
	default:
		return timeLiteral(v, t)
	}
}

// value prints a literal of an expression in the plain type of its kind.
func value(l expr.Literal) (string, error) {
	t := l.Typ
	switch t.Kind {
	case expr.Text:
		t = expr.TextType
		if l.Value.Valid {
			s, err := Literal(l.Value, t)
			return bytewise(s), err
		}
	case expr.Float:
		t = expr.Type{Kind: expr.Float} // what it is, not what float4 makes of it
	case expr.Opaque, expr.JSON, expr.Array:
	default:
		t.Native = ""
	}
	return Literal(l.Value, t)
}

func textLiteral(s string, t expr.Type, name string) (string, error) {
	if t.Native != "" {
		return "", unsupported("a constant of type %s cannot be written for PostgreSQL", t)
	}
	if t.Length > 0 && utf8.RuneCountInString(s) > t.Length {
		return "", unsupported("a constant does not fit %s", t)
	}
	q, err := quoteText(s)
	return cast(q, name), err
}

// quoteText spells a text. Where it holds a backslash or a control character it is in the
// form that reads backslashes in one way, whatever standard_conforming_strings says.
func quoteText(s string) (string, error) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return "", unsupported("a constant text is not one that PostgreSQL can hold")
	}
	plain := true
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			plain = false
			b.WriteString(`\\`)
		case r < ' ' || r == 0x7f:
			plain = false
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	if plain {
		return "'" + b.String() + "'", nil
	}
	return "E'" + b.String() + "'", nil
}

// numberText is the quoted text of a number.
func numberText(v expr.Value, t expr.Type) (string, error) {
	switch t.Kind {
	case expr.Int:
		if !expr.Fits(v, t) {
			return "", unsupported("a constant does not fit %s", t)
		}
		return "'" + strconv.FormatInt(v.Int, 10) + "'", nil
	case expr.Decimal:
		text, ok := expr.CanonicalText(v, t)
		if !ok {
			return "", unsupported("a constant does not fit %s", t)
		}
		return "'" + text + "'", nil
	}
	if t.Bits == 32 && float64(float32(v.Float)) != v.Float && !math.IsNaN(v.Float) {
		return "", unsupported("a constant does not fit %s", t)
	}
	return floatText(v.Float), nil
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "'NaN'"
	case math.IsInf(f, 1):
		return "'Infinity'"
	case math.IsInf(f, -1):
		return "'-Infinity'"
	}
	return "'" + strconv.FormatFloat(f, 'g', -1, 64) + "'"
}

func timeLiteral(v expr.Value, t expr.Type) (string, error) {
	if t.Kind == expr.Time {
		if v.Int < 0 || v.Int > 86_400_000_000 {
			return "", unsupported("a constant of type %s cannot be written for PostgreSQL", t)
		}
		s := v.Int / 1_000_000
		return fn("make_time", fmt.Sprintf("%d, %d, %d.%06d", s/3600, s/60%60, s%60, v.Int%1_000_000)), nil
	}
	if _, ok := expr.CanonicalText(v, t); !ok {
		return "", unsupported("a constant of type %s cannot be written for PostgreSQL", t)
	}
	if t.Kind == expr.Date {
		return dayLiteral(v.Int), nil
	}
	return microsLiteral(v.Int, t), nil
}

func dayLiteral(day int64) string {
	at := time.Unix(day*86400, 0).UTC()
	return fn("make_date", fmt.Sprintf("%d, %d, %d", at.Year(), at.Month(), at.Day()))
}

// microsLiteral is a timestamp or an instant of the years 1 to 9999.
func microsLiteral(us int64, t expr.Type) string {
	at := time.UnixMicro(us).UTC()
	wall := fn("make_timestamp", fmt.Sprintf("%d, %d, %d, %d, %d, %d.%06d",
		at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond()/1000))
	if t.Kind == expr.Instant {
		return fn("timezone", utc, wall)
	}
	return wall
}

func arrayLiteral(v expr.Value, t expr.Type, name string) (string, error) {
	parts := make([]string, len(v.Items))
	for i, item := range v.Items {
		var err error
		if parts[i], err = Literal(item, *t.Elem); err != nil {
			return "", err
		}
	}
	return cast("ARRAY["+strings.Join(parts, ", ")+"]", name), nil
}
