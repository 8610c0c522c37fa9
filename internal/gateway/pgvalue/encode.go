package pgvalue

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"stead"
	dialect "stead/dialect/duckdb"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/sqlstate"
)

// TypeOf is the PostgreSQL type in which values of t are sent.
func TypeOf(t *duck.Type) pgtype.Type {
	if t.ID == duck.Array { // PostgreSQL's arrays have no fixed size
		t = &duck.Type{ID: duck.List, Elem: t.Elem}
	}
	return pgtype.Of(dialect.ParseType(t.String()))
}

// Times on the wire count from 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86_400_000_000
)

// Format is how a value is written on the wire.
type Format int16

// The formats of the protocol.
const (
	TextFormat   Format = 0
	BinaryFormat Format = 1
)

// Append appends row i of v in the form of the PostgreSQL type oid, which is that of TypeOf. v is not NULL there.
// The error says which type of the engine has no form.
func Append(dst []byte, v *duck.Vector, i int, oid uint32, f Format) ([]byte, error) {
	if f == TextFormat {
		return textValue(dst, v, i, oid)
	}
	return binaryValue(dst, v, i, oid)
}

func textValue(dst []byte, v *duck.Vector, i int, oid uint32) ([]byte, error) {
	switch v.Type.ID {
	case duck.Boolean:
		if v.Bool(i) {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	case duck.TinyInt, duck.SmallInt, duck.Integer, duck.BigInt, duck.UTinyInt, duck.USmallInt, duck.UInteger:
		return strconv.AppendInt(dst, v.Int(i), 10), nil
	case duck.UBigInt:
		return strconv.AppendUint(dst, v.Uint(i), 10), nil
	case duck.HugeInt, duck.UHugeInt, duck.BigNum:
		return v.Big(i).Append(dst, 10), nil
	case duck.Decimal:
		return decimalText(dst, v, i), nil
	case duck.Float:
		return floatText(dst, float64(v.Float32(i)), 32), nil
	case duck.Double:
		return floatText(dst, v.Float64(i), 64), nil
	case duck.Varchar:
		return append(dst, v.Bytes(i)...), nil
	case duck.Enum:
		return append(dst, v.Text(i)...), nil
	case duck.Blob:
		return hex.AppendEncode(append(dst, '\\', 'x'), v.Bytes(i)), nil
	case duck.Bit:
		return append(dst, v.BitString(i)...), nil
	case duck.UUID:
		return uuidText(dst, v.UUID(i)), nil
	case duck.Date, duck.Timestamp, duck.TimestampS, duck.TimestampMS, duck.TimestampNS, duck.TimestampTZ, duck.Time,
		duck.TimeNS, duck.TimeTZ, duck.Interval:
		return timeText(dst, v, i), nil
	case duck.List, duck.Array:
		if elem, array := pgtype.Known(oid); array && elem != 0 {
			return arrayText(dst, v, i, elem)
		}
	}
	return jsonValue(dst, v, i)
}

func binaryValue(dst []byte, v *duck.Vector, i int, oid uint32) ([]byte, error) {
	switch v.Type.ID {
	case duck.Boolean:
		if v.Bool(i) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case duck.TinyInt, duck.SmallInt, duck.Integer, duck.BigInt, duck.UTinyInt, duck.USmallInt, duck.UInteger:
		n := v.Int(i)
		if oid == pgtype.OID && (n < 0 || n > math.MaxUint32) {
			return nil, sqlstate.Errorf("22003", stead.Invalid, "a number is out of range for an object identifier")
		}
		return binaryInt(dst, n, oid), nil
	case duck.UBigInt, duck.HugeInt, duck.UHugeInt, duck.Decimal:
		return numericBinary(dst, v, i), nil
	case duck.Float:
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(v.Float32(i))), nil
	case duck.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Float64(i))), nil
	case duck.Blob:
		return append(dst, v.Bytes(i)...), nil
	case duck.Bit:
		return bitBinary(dst, v.BitString(i)), nil
	case duck.UUID:
		u := v.UUID(i)
		return append(dst, u[:]...), nil
	case duck.Date, duck.Timestamp, duck.TimestampS, duck.TimestampMS, duck.TimestampNS, duck.TimestampTZ, duck.Time,
		duck.TimeTZ, duck.Interval:
		return timeBinary(dst, v, i, oid), nil
	case duck.List, duck.Array:
		if elem, array := pgtype.Known(oid); array && elem != 0 {
			return arrayBinary(dst, v, i, elem)
		}
	}
	return textValue(dst, v, i, oid) // text, JSON and the like are the same in both formats
}

func binaryInt(dst []byte, n int64, oid uint32) []byte {
	switch oid {
	case pgtype.Int2:
		return binary.BigEndian.AppendUint16(dst, uint16(n))
	case pgtype.Int4, pgtype.OID:
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	default:
		return binary.BigEndian.AppendUint64(dst, uint64(n))
	}
}

// digits appends the unscaled value of a number as decimal digits, with a sign.
func digits(dst []byte, v *duck.Vector, i int) []byte {
	switch v.Type.ID {
	case duck.UBigInt:
		return strconv.AppendUint(dst, v.Uint(i), 10)
	case duck.Decimal:
		if n, ok := v.DecimalSmall(i); ok {
			return strconv.AppendInt(dst, n, 10)
		}
	}
	return v.Big(i).Append(dst, 10)
}

func decimalText(dst []byte, v *duck.Vector, i int) []byte {
	var buf [48]byte
	d := digits(buf[:0], v, i)
	if d[0] == '-' {
		dst, d = append(dst, '-'), d[1:]
	}
	scale := int(v.Type.Scale)
	if scale == 0 {
		return append(dst, d...)
	}
	if len(d) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(d) {
			dst = append(dst, '0')
		}
		return append(dst, d...)
	}
	dst = append(dst, d[:len(d)-scale]...)
	dst = append(dst, '.')
	return append(dst, d[len(d)-scale:]...)
}

// numericBinary writes groups of four decimal digits, aligned at the decimal point.
func numericBinary(dst []byte, v *duck.Vector, i int) []byte {
	var buf, padded [64]byte
	d := digits(buf[:0], v, i)
	sign := uint16(0)
	if d[0] == '-' {
		sign, d = 0x4000, d[1:]
	}
	scale := 0
	if v.Type.ID == duck.Decimal {
		scale = int(v.Type.Scale)
	}
	whole := len(d) - scale // digits before the point, negative when zeros follow the point
	lead := ((-whole)%4 + 4) % 4
	p := padded[:0]
	for range lead {
		p = append(p, '0')
	}
	p = append(p, d...)
	for len(p)%4 != 0 {
		p = append(p, '0')
	}
	weight := (whole+lead)/4 - 1
	groups := make([]uint16, 0, 16)
	for ; len(p) > 0; p = p[4:] {
		groups = append(groups, uint16(p[0]-'0')*1000+uint16(p[1]-'0')*100+uint16(p[2]-'0')*10+uint16(p[3]-'0'))
	}
	for len(groups) > 0 && groups[0] == 0 {
		groups = groups[1:]
		weight--
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	if len(groups) == 0 {
		weight, sign = 0, 0
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(groups)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for _, g := range groups {
		dst = binary.BigEndian.AppendUint16(dst, g)
	}
	return dst
}

// floatText prints the shortest text that reads back as the same number, as PostgreSQL does.
func floatText(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	limit := 1e15
	if bits == 32 {
		limit = 1e6
	}
	if a := math.Abs(f); a == 0 || a >= 1e-4 && a < limit {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, bits)
}

func uuidText(dst []byte, u [16]byte) []byte {
	for k, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if k > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

func bitBinary(dst []byte, bits string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(bits)))
	for i := 0; i < len(bits); i += 8 {
		var b byte
		for j := 0; j < 8 && i+j < len(bits); j++ {
			b |= (bits[i+j] - '0') << (7 - j)
		}
		dst = append(dst, b)
	}
	return dst
}
