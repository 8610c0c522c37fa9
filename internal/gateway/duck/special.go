package duck

import (
	"encoding/binary"
	"math"
	"math/big"
)

// Bits128 returns a HugeInt or UHugeInt.
func (v *Vector) Bits128(i int) Bits128 {
	v.must(in128)
	return at[Bits128](v, i)
}

// DecimalSmall returns the unscaled value of a Decimal that is stored in 64 bits or
// fewer (at most 18 digits); ok is false for a wider one.
func (v *Vector) DecimalSmall(i int) (unscaled int64, ok bool) {
	if v.Type.ID != Decimal || v.class != inWord {
		return 0, false
	}
	return v.Int(i), true
}

// Big returns the exact value of any whole number, or the unscaled value of a Decimal.
func (v *Vector) Big(i int) *big.Int {
	switch v.Type.ID {
	case HugeInt:
		return v.Bits128(i).Big()
	case UHugeInt:
		return v.Bits128(i).Unsigned()
	case UBigInt:
		return new(big.Int).SetUint64(v.Uint(i))
	case Decimal:
		if n, ok := v.DecimalSmall(i); ok {
			return big.NewInt(n)
		}
		return v.Bits128(i).Big()
	case BigNum:
		return bigNum(v.Bytes(i))
	default:
		return big.NewInt(v.Int(i))
	}
}

// UUID returns a UUID in its usual byte order.
func (v *Vector) UUID(i int) (u UUIDValue) {
	b := v.Bits128(i)
	binary.BigEndian.PutUint64(u[:8], uint64(b.Hi)^(1<<63)) // stored so that signed order is the order of the bytes
	binary.BigEndian.PutUint64(u[8:], b.Lo)
	return u
}

// TimeTZ returns microseconds since midnight and the offset in seconds east of UTC.
func (v *Vector) TimeTZ(i int) (micros int64, offset int32) {
	bits := v.Uint(i)
	return int64(bits >> 24), 57599 - int32(bits&0xffffff) // offsets are stored inverted, from +15:59:59
}

// BitString returns a Bit as text of 0 and 1.
func (v *Vector) BitString(i int) string {
	b := v.Bytes(i)
	if len(b) < 2 {
		return ""
	}
	padding := int(b[0])
	out := make([]byte, 0, 8*(len(b)-1))
	for n := padding; n < 8*(len(b)-1); n++ {
		out = append(out, '0'+(b[1+n/8]>>(7-n%8))&1)
	}
	return string(out)
}

// bigNum reads DuckDB's arbitrary integer: three bytes of sign and length, then the
// magnitude, big-endian; everything inverted for a negative one.
func bigNum(b []byte) *big.Int {
	if len(b) <= 3 {
		return new(big.Int)
	}
	body := append([]byte(nil), b[3:]...)
	negative := b[0]&0x80 == 0
	if negative {
		for i := range body {
			body[i] = ^body[i]
		}
	}
	n := new(big.Int).SetBytes(body)
	if negative {
		n.Neg(n)
	}
	return n
}

// Infinite reports whether a Date or one of the timestamps is DuckDB's infinity.
func (v *Vector) Infinite(i int) bool {
	switch v.Type.ID {
	case Date:
		d := v.Int(i)
		return d == math.MaxInt32 || d == -math.MaxInt32
	case Timestamp, TimestampTZ, TimestampS, TimestampMS, TimestampNS:
		t := v.Int(i)
		return t == math.MaxInt64 || t == -math.MaxInt64
	default:
		return false
	}
}
