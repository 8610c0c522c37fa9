package duck

import (
	"encoding/binary"
	"math"
	"math/big"
	"unsafe"
)

// Vector is one column of the current chunk, or what is nested in one. It is
// valid until the next call of Rows.Next or Rows.Close; so are the bytes it
// returns. Rows are not checked against bounds. An accessor that does not fit the type
// panics, it never reads foreign memory. Null says whether there is a value at all.
type Vector struct {
	Type  *Type
	class class
	data  unsafe.Pointer
	valid *uint64 // nil: no NULL
	kids  []Vector
}

// class is how values lie in memory.
type class uint8

const (
	noClass class = iota
	inWord        // whole numbers, dates and times of at most 64 bits, Boolean
	inFloat
	in128      // 128 bits, also UUID
	inInterval // months, days, microseconds
	inBytes
	inChildren
	inEnum // Enum
)

func classOf(t *Type) class {
	switch t.ID {
	case Boolean, TinyInt, SmallInt, Integer, BigInt, UTinyInt, USmallInt, UInteger, UBigInt,
		Date, Time, Timestamp, TimestampS, TimestampMS, TimestampNS, TimestampTZ, TimeTZ, TimeNS:
		return inWord
	case Float, Double:
		return inFloat
	case HugeInt, UHugeInt, UUID:
		return in128
	case Interval:
		return inInterval
	case Varchar, Blob, Bit, BigNum, Geometry:
		return inBytes
	case List, Array, Map, Struct, Union:
		return inChildren
	case Enum:
		return inEnum
	case Decimal:
		if t.storage == HugeInt {
			return in128
		}
		return inWord
	}
	return noClass
}

func (v *Vector) must(c class) {
	if v.class != c {
		panic("duck: wrong accessor for " + v.Type.String())
	}
}

// Readable reports whether an accessor for the type exists; a statement should cast
// what is not, e.g. VARIANT, to text.
func (t *Type) Readable() bool {
	switch classOf(t) {
	case noClass:
		return t.ID == SQLNull // always NULL
	case inChildren:
		for _, sub := range []*Type{t.Elem, t.Key} {
			if sub != nil && !sub.Readable() {
				return false
			}
		}
		for _, f := range t.Fields {
			if !f.Type.Readable() {
				return false
			}
		}
	}
	return true
}

func newVector(t *Type) Vector {
	v := Vector{Type: t, class: classOf(t)}
	switch t.ID {
	case List, Array:
		v.kids = []Vector{newVector(t.Elem)}
	case Map:
		entry := &Type{ID: Struct, Fields: []Field{{"key", t.Key}, {"value", t.Elem}}}
		v.kids = []Vector{newVector(entry)}
	case Struct:
		for _, f := range t.Fields {
			v.kids = append(v.kids, newVector(f.Type))
		}
	case Union:
		v.kids = []Vector{newVector(&Type{ID: UTinyInt})}
		for _, f := range t.Fields {
			v.kids = append(v.kids, newVector(f.Type))
		}
	}
	return v
}

func at[T any](v *Vector, i int) T {
	return *(*T)(unsafe.Add(v.data, uintptr(i)*unsafe.Sizeof(*new(T))))
}

// Null reports whether row i is NULL.
func (v *Vector) Null(i int) bool {
	if v.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(unsafe.Pointer(v.valid), uintptr(i/64)*8))
	return word&(1<<(uint(i)%64)) == 0
}

// Bool returns a Boolean.
func (v *Vector) Bool(i int) bool { return v.Int(i) != 0 }

// Int returns a whole number of at most 64 bits (UBigInt through Uint), and the raw
// number of Date (days), Time, Timestamp, TimestampTZ (microseconds), TimestampS,
// TimestampMS, TimestampNS, TimeNS (their own units).
func (v *Vector) Int(i int) int64 {
	v.must(inWord)
	if v.Type.ID == Decimal {
		return v.integer(v.Type.storage, i)
	}
	return v.integer(v.Type.ID, i)
}

func (v *Vector) integer(id TypeID, i int) int64 {
	switch id {
	case TinyInt:
		return int64(at[int8](v, i))
	case SmallInt:
		return int64(at[int16](v, i))
	case Integer, Date:
		return int64(at[int32](v, i))
	case UTinyInt, Boolean:
		return int64(at[uint8](v, i))
	case USmallInt:
		return int64(at[uint16](v, i))
	case UInteger:
		return int64(at[uint32](v, i))
	default:
		return at[int64](v, i)
	}
}

// Uint returns a UBigInt.
func (v *Vector) Uint(i int) uint64 { return uint64(v.Int(i)) }

// Float32 returns a Float.
func (v *Vector) Float32(i int) float32 { return float32(v.Float64(i)) }

// Float64 returns a Float or Double.
func (v *Vector) Float64(i int) float64 {
	v.must(inFloat)
	if v.Type.ID == Float {
		return float64(at[float32](v, i))
	}
	return at[float64](v, i)
}

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

// stringT is DuckDB's 16 byte string: up to 12 bytes in place, else a pointer.
type stringT struct {
	length uint32
	prefix [4]byte
	ptr    unsafe.Pointer
}

// Bytes returns the bytes of Varchar (also JSON), Blob, Bit, BigNum, Geometry without copying them.
func (v *Vector) Bytes(i int) []byte {
	v.must(inBytes)
	s := (*stringT)(unsafe.Add(v.data, uintptr(i)*16))
	if s.length <= 12 {
		return unsafe.Slice(&s.prefix[0], s.length)
	}
	return unsafe.Slice((*byte)(s.ptr), s.length)
}

// Text returns a copy of Varchar, or the label of an Enum.
func (v *Vector) Text(i int) string {
	if v.Type.ID == Enum {
		return v.Type.Values[v.integer(v.Type.storage, i)]
	}
	return string(v.Bytes(i))
}

// UUID returns a UUID in its usual byte order.
func (v *Vector) UUID(i int) (u UUIDValue) {
	b := v.Bits128(i)
	binary.BigEndian.PutUint64(u[:8], uint64(b.Hi)^(1<<63)) // stored so that signed order is the order of the bytes
	binary.BigEndian.PutUint64(u[8:], b.Lo)
	return u
}

// Interval returns an Interval.
func (v *Vector) Interval(i int) IntervalValue {
	v.must(inInterval)
	return at[IntervalValue](v, i)
}

// TimeTZ returns microseconds since midnight and the offset in seconds east of UTC.
func (v *Vector) TimeTZ(i int) (micros int64, offset int32) {
	bits := v.Uint(i)
	return int64(bits >> 24), 57599 - int32(bits&0xffffff) // offsets are stored inverted, from +15:59:59
}

// Entry returns where row i of a List, Map or Array lies in its child.
func (v *Vector) Entry(i int) (offset, length int) {
	v.must(inChildren)
	if v.Type.ID == Array {
		return i * v.Type.Size, v.Type.Size
	}
	if v.Type.ID != List && v.Type.ID != Map {
		panic("duck: wrong accessor for " + v.Type.String())
	}
	e := at[[2]uint64](v, i)
	return int(e[0]), int(e[1])
}

// Child returns the elements of a List or Array, the entries of a Map as a Struct of
// key and value, or field k of a Struct; of a Union the member k.
func (v *Vector) Child(k int) *Vector {
	if v.Type.ID == Union {
		k++
	}
	return &v.kids[k]
}

// Tag returns which member of a Union row i holds.
func (v *Vector) Tag(i int) int { return int(at[uint8](&v.kids[0], i)) }

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
