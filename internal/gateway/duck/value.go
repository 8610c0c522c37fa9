package duck

import "math/big"

// The values a parameter can be bound to besides nil, bool, int64, uint64,
// float64, string and []byte, and lists of one kind of these as []any.

// DateValue is days since 1970-01-01.
type DateValue int32

// TimeValue is microseconds since midnight.
type TimeValue int64

// TimestampValue is microseconds since 1970-01-01 00:00:00, wall clock.
type TimestampValue int64

// InstantValue is microseconds since 1970-01-01 00:00:00 UTC.
type InstantValue int64

// UUIDValue is a UUID in its usual byte order.
type UUIDValue [16]byte

// IntervalValue is DuckDB's three-part interval.
type IntervalValue struct {
	Months, Days int32
	Micros       int64
}

// DecimalValue is Unscaled / 10^Scale with at most 38 digits.
type DecimalValue struct {
	Unscaled *big.Int
	Scale    uint8
}

// Bits128 is the two halves of a 128 bit integer in two's complement.
type Bits128 struct {
	Lo uint64
	Hi int64
}

// Big returns the value of a HUGEINT.
func (b Bits128) Big() *big.Int {
	v := big.NewInt(b.Hi)
	v.Lsh(v, 64)
	return v.Or(v, new(big.Int).SetUint64(b.Lo))
}

// Unsigned returns the value of a UHUGEINT.
func (b Bits128) Unsigned() *big.Int {
	v := new(big.Int).SetUint64(uint64(b.Hi))
	v.Lsh(v, 64)
	return v.Or(v, new(big.Int).SetUint64(b.Lo))
}

// bits128 splits v, which fits 127 bits and a sign.
func bits128(v *big.Int) Bits128 {
	m := new(big.Int).Set(v)
	if m.Sign() < 0 {
		m.Add(m, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	lo := new(big.Int).And(m, new(big.Int).SetUint64(^uint64(0)))
	hi := new(big.Int).Rsh(m, 64)
	return Bits128{Lo: lo.Uint64(), Hi: int64(hi.Uint64())}
}
