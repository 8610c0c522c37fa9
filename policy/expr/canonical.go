package expr

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The days and microseconds that have a canonical text: years 1 to 9999.
const (
	MinDay    = -719162
	MaxDay    = 2932896
	MinMicros = -62135596800000000
	MaxMicros = 253402300799999999

	dayMicros = 86_400_000_000
)

const (
	dateLayout      = "2006-01-02"
	timeLayout      = "15:04:05.000000"
	timestampLayout = "2006-01-02T15:04:05.000000"
	instantLayout   = "2006-01-02T15:04:05.000000Z"
)

// CanonicalText is the one text of a value of type t on every engine: what is
// hashed and what attribute values are compared with. It is false for NULL, for
// types without text and for values that have none (a date outside years 1-9999,
// 24:00:00, bytes that are not UTF-8, more digits than the type holds).
func CanonicalText(v Value, t Type) (string, bool) {
	if !v.Valid || v.Kind != t.Kind {
		return "", false
	}
	switch t.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool), true
	case Int:
		return strconv.FormatInt(v.Int, 10), true
	case Decimal:
		d, ok := Rescale(v.Dec, v.Scale, t.Scale)
		if !ok || digits(d) > t.Precision {
			return "", false
		}
		return decimalText(d, t.Scale), true
	case Text:
		s := v.Text
		if t.Fixed {
			s = strings.TrimRight(s, " ")
		}
		return s, utf8.ValidString(s)
	case Binary:
		return hex.EncodeToString(v.Bytes), true
	case Date:
		return time.Unix(v.Int*86400, 0).UTC().Format(dateLayout), MinDay <= v.Int && v.Int <= MaxDay
	case Time:
		return time.UnixMicro(v.Int).UTC().Format(timeLayout), 0 <= v.Int && v.Int < dayMicros
	case Timestamp:
		return time.UnixMicro(v.Int).UTC().Format(timestampLayout), inYears(v.Int)
	case Instant:
		return time.UnixMicro(v.Int).UTC().Format(instantLayout), inYears(v.Int)
	case UUID:
		s := strings.ToLower(v.Text)
		return s, isUUID(s)
	default:
		return "", false
	}
}

// ParseCanonical is the value of type t whose canonical text is text. It is false
// for every other text: "007" is not the text of an int, "1.5" none of a decimal(10,2).
func ParseCanonical(text string, t Type) (Value, bool) {
	v, ok := parseLoose(text, t)
	if !ok || !Fits(v, t) {
		return Null, false
	}
	back, ok := CanonicalText(v, t)
	if !ok || back != text {
		return Null, false
	}
	return v, true
}

// parseLoose reads at least every canonical text; ParseCanonical refuses the rest.
func parseLoose(text string, t Type) (Value, bool) {
	switch t.Kind {
	case Bool:
		return BoolValue(text == "true"), text == "true" || text == "false"
	case Int:
		i, err := strconv.ParseInt(text, 10, 64)
		return IntValue(i), err == nil
	case Decimal:
		whole, frac, point := strings.Cut(text, ".")
		if point != (t.Scale > 0) || len(frac) != t.Scale || len(text) > 64 {
			return Null, false
		}
		d, ok := new(big.Int).SetString(whole+frac, 10)
		return DecimalValue(d, t.Scale), ok
	case Text:
		return TextValue(text), true
	case Binary:
		b, err := hex.DecodeString(text)
		return BinaryValue(b), err == nil
	case Date:
		at, err := time.Parse(dateLayout, text)
		return DateValue(at.Unix() / 86400), err == nil
	case Time:
		at, err := time.Parse(timeLayout, text)
		us := at.Sub(at.Truncate(24 * time.Hour)).Microseconds()
		return Value{Kind: Time, Valid: true, Int: us}, err == nil
	case Timestamp:
		at, err := time.Parse(timestampLayout, text)
		return TimestampValue(at.UnixMicro()), err == nil
	case Instant:
		at, err := time.Parse(instantLayout, text)
		return InstantValue(at.UnixMicro()), err == nil
	case UUID:
		return Value{Kind: UUID, Valid: true, Text: text}, isUUID(text)
	default:
		return Null, false
	}
}

// Fits reports whether v is a value that type t holds as it is. NULL fits every
// type; no value fits a type without canonical text except floats, which all do.
func Fits(v Value, t Type) bool {
	if !v.Valid {
		return true
	}
	if v.Kind != t.Kind {
		return false
	}
	switch t.Kind {
	case Int:
		lo, hi := IntRange(t)
		return lo <= v.Int && v.Int <= hi
	case Decimal:
		return v.Dec != nil && v.Scale == t.Scale && digits(v.Dec) <= t.Precision
	case Text:
		if t.Fixed && strings.HasSuffix(v.Text, " ") {
			return false
		}
		return t.Length == 0 || utf8.RuneCountInString(v.Text) <= t.Length
	case UUID:
		return isUUID(v.Text)
	case Time:
		return 0 <= v.Int && v.Int <= dayMicros
	case Bool, Float, Binary, Date, Timestamp, Instant:
		return true
	default:
		return false
	}
}

// IntRange is the smallest and the largest value of an Int type.
func IntRange(t Type) (lo, hi int64) {
	bits := t.Bits
	if bits == 0 {
		bits = 64
	}
	if t.Unsigned {
		if bits >= 63 {
			return 0, math.MaxInt64
		}
		return 0, 1<<bits - 1
	}
	return -1 << (bits - 1), 1<<(bits-1) - 1
}

// Rescale is d/10^from as a number over 10^to; false if digits would be lost.
func Rescale(d *big.Int, from, to int) (*big.Int, bool) {
	switch {
	case d == nil:
		return nil, false
	case to >= from:
		return new(big.Int).Mul(d, pow10(to-from)), true
	default:
		q, r := new(big.Int).QuoRem(d, pow10(from-to), new(big.Int))
		return q, r.Sign() == 0
	}
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func digits(d *big.Int) int {
	if d.Sign() == 0 {
		return 0
	}
	return len(new(big.Int).Abs(d).String())
}

func decimalText(d *big.Int, scale int) string {
	s := new(big.Int).Abs(d).String()
	if len(s) <= scale {
		s = strings.Repeat("0", scale+1-len(s)) + s
	}
	if scale > 0 {
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if d.Sign() < 0 {
		s = "-" + s
	}
	return s
}

func inYears(us int64) bool { return MinMicros <= us && us <= MaxMicros }

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case !strings.Contains("0123456789abcdef", s[i:i+1]):
			return false
		}
	}
	return true
}
