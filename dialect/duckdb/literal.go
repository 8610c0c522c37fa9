package duckdb

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"stead/policy/expr"
)

// The timestamps DuckDB holds, in microseconds; beyond are its infinities and errors.
const (
	minTimestamp = -9223372022400000000
	maxTimestamp = math.MaxInt64 - 1
)

// Literal prints a constant of type t, as a constant that no setting changes. It refuses
// what DuckDB could not hold.
func Literal(v expr.Value, t expr.Type) (string, error) {
	if !v.Valid {
		name, err := TypeName(t)
		return "CAST(NULL AS " + name + ")", err
	}
	if v.Kind != t.Kind {
		return "", unsupported("a constant of kind %s cannot be of type %s", v.Kind, t)
	}
	switch t.Kind {
	case expr.Bool:
		return strings.ToUpper(strconv.FormatBool(v.Bool)), nil
	case expr.Text:
		return textLiteral(v.Text)
	case expr.JSON:
		s, err := textLiteral(v.Text)
		return "CAST(" + s + " AS JSON)", err
	case expr.Binary:
		return "system.main.unhex('" + hex.EncodeToString(v.Bytes) + "')", nil
	case expr.UUID:
		if _, ok := expr.CanonicalText(v, t); !ok {
			return "", unsupported("a constant is not a UUID")
		}
		return "CAST('" + v.Text + "' AS UUID)", nil
	case expr.Array:
		return arrayLiteral(v, t)
	case expr.Int, expr.Decimal, expr.Float:
		return numberLiteral(v, t)
	default:
		return timeLiteral(v, t)
	}
}

func numberLiteral(v expr.Value, t expr.Type) (string, error) {
	switch t.Kind {
	case expr.Int:
		return castText(strconv.FormatInt(v.Int, 10), t)
	case expr.Decimal:
		plain := expr.DecimalType(t.Precision, t.Scale)
		text, ok := expr.CanonicalText(v, plain)
		if !ok {
			return "", unsupported("a constant does not fit %s", t)
		}
		return castText(text, plain)
	default:
		return castText(strconv.FormatFloat(v.Float, 'g', -1, 64), t)
	}
}

// castText is the cast of a text that holds no quote.
func castText(text string, t expr.Type) (string, error) {
	name, err := TypeName(t)
	return "CAST('" + text + "' AS " + name + ")", err
}

func timeLiteral(v expr.Value, t expr.Type) (string, error) {
	us := strconv.FormatInt(v.Int, 10)
	switch t.Kind {
	case expr.Date:
		if v.Int <= -math.MaxInt32 || v.Int >= math.MaxInt32 {
			return "", unsupported("a date is out of range")
		}
		if text, ok := expr.CanonicalText(v, t); ok {
			return "CAST('" + text + "' AS DATE)", nil
		}
		return `system.main."+"(CAST('1970-01-01' AS DATE), CAST('` + us + `' AS INTEGER))`, nil
	case expr.Time:
		if text, ok := expr.CanonicalText(v, t); ok {
			return "CAST('" + text + "' AS TIME)", nil
		}
		if v.Int == 86_400_000_000 {
			return "CAST('24:00:00' AS TIME)", nil
		}
	case expr.Timestamp:
		if v.Int >= minTimestamp && v.Int <= maxTimestamp {
			return "system.main.make_timestamp(CAST('" + us + "' AS BIGINT))", nil
		}
	case expr.Instant:
		if v.Int >= minTimestamp && v.Int <= maxTimestamp {
			return "system.main.make_timestamptz(CAST('" + us + "' AS BIGINT))", nil
		}
	}
	return "", unsupported("a constant of type %s cannot be written for the embedded engine", t)
}

func textLiteral(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", unsupported("a constant text is not valid UTF-8")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "system.main.decode(" + textBytes(s) + ")", nil
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil
}

// textBytes is the UTF-8 bytes of a text as a BLOB.
func textBytes(s string) string { return "system.main.unhex('" + hex.EncodeToString([]byte(s)) + "')" }

func arrayLiteral(v expr.Value, t expr.Type) (string, error) {
	name, err := TypeName(t)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(v.Items))
	for i, item := range v.Items {
		if parts[i], err = Literal(item, *t.Elem); err != nil {
			return "", err
		}
	}
	return "CAST(system.main.list_value(" + strings.Join(parts, ", ") + ") AS " + name + ")", nil
}
