package duck

import (
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

// Interval returns an Interval.
func (v *Vector) Interval(i int) IntervalValue {
	v.must(inInterval)
	return at[IntervalValue](v, i)
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
