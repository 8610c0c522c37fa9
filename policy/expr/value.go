package expr

import "math/big"

// Value is one constant: what a literal holds, what a row holds, what the
// reference interpreter computes. The zero Value is NULL. Which member is set
// follows from Kind; a value of another kind never converts implicitly.
type Value struct {
	Kind  Kind // meaningful only when Valid
	Valid bool // false is NULL

	Bool  bool
	Int   int64    // Int; Date: days since 1970-01-01; Time, Timestamp, Instant: microseconds (since midnight / 1970-01-01 UTC)
	Dec   *big.Int // Decimal: unscaled value, never nil for a valid Decimal
	Scale int      // Decimal
	Float float64
	Text  string // Text, JSON; UUID in lower-case 8-4-4-4-12 form
	Bytes []byte // Binary
	Items []Value
}

// Null is the NULL value.
var Null = Value{}

// BoolValue returns a valid Bool.
func BoolValue(b bool) Value { return Value{Kind: Bool, Valid: true, Bool: b} }

// IntValue returns a valid Int.
func IntValue(i int64) Value { return Value{Kind: Int, Valid: true, Int: i} }

// TextValue returns a valid Text.
func TextValue(s string) Value { return Value{Kind: Text, Valid: true, Text: s} }

// DateValue returns a valid Date, days since 1970-01-01.
func DateValue(days int64) Value { return Value{Kind: Date, Valid: true, Int: days} }

// TimestampValue returns a valid Timestamp, microseconds since 1970-01-01 00:00:00 wall clock.
func TimestampValue(us int64) Value { return Value{Kind: Timestamp, Valid: true, Int: us} }

// InstantValue returns a valid Instant, microseconds since 1970-01-01 00:00:00 UTC.
func InstantValue(us int64) Value { return Value{Kind: Instant, Valid: true, Int: us} }

// FloatValue returns a valid Float.
func FloatValue(f float64) Value { return Value{Kind: Float, Valid: true, Float: f} }

// BinaryValue returns a valid Binary.
func BinaryValue(b []byte) Value { return Value{Kind: Binary, Valid: true, Bytes: b} }

// DecimalValue returns a valid Decimal of value unscaled / 10^scale.
func DecimalValue(unscaled *big.Int, scale int) Value {
	return Value{Kind: Decimal, Valid: true, Dec: unscaled, Scale: scale}
}
