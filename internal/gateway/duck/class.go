package duck

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
