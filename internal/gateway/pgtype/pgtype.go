// Package pgtype maps the language's types onto PostgreSQL's. The wire encoder and the
// catalogue use one table, so that what a catalogue announces is what a result carries.
package pgtype

import (
	"strings"

	"stead/policy/expr"
)

// OID numbers of PostgreSQL's built-in types.
const (
	Bool        uint32 = 16
	Bytea       uint32 = 17
	Int8        uint32 = 20
	Int2        uint32 = 21
	Int4        uint32 = 23
	Text        uint32 = 25
	OID         uint32 = 26
	JSON        uint32 = 114
	OIDs        uint32 = 1028 // array of OID
	Float4      uint32 = 700
	Float8      uint32 = 701
	Unknown     uint32 = 705
	Bpchar      uint32 = 1042
	Varchar     uint32 = 1043
	Date        uint32 = 1082
	Time        uint32 = 1083
	Timestamp   uint32 = 1114
	Timestamptz uint32 = 1184
	Interval    uint32 = 1186
	Timetz      uint32 = 1266
	Bit         uint32 = 1560
	Varbit      uint32 = 1562
	Numeric     uint32 = 1700
	UUID        uint32 = 2950
)

// entry is what PostgreSQL says of a type: name, size in bytes (-1 varies), OID of its array type.
type entry struct {
	name  string
	size  int16
	array uint32
}

var entries = map[uint32]entry{
	Bool: {"bool", 1, 1000}, Bytea: {"bytea", -1, 1001}, Int8: {"int8", 8, 1016}, Int2: {"int2", 2, 1005},
	Int4: {"int4", 4, 1007}, Text: {"text", -1, 1009}, OID: {"oid", 4, OIDs}, JSON: {"json", -1, 199},
	Float4: {"float4", 4, 1021}, Float8: {"float8", 8, 1022}, Bpchar: {"bpchar", -1, 1014},
	Varchar: {"varchar", -1, 1015}, Date: {"date", 4, 1182}, Time: {"time", 8, 1183},
	Timestamp: {"timestamp", 8, 1115}, Timestamptz: {"timestamptz", 8, 1185}, Interval: {"interval", 16, 1187},
	Timetz: {"timetz", 12, 1270}, Bit: {"bit", -1, 1561}, Varbit: {"varbit", -1, 1563},
	Numeric: {"numeric", -1, 1231}, UUID: {"uuid", 16, 2951},
}

// Type is a PostgreSQL type as a result or a catalogue names it.
type Type struct {
	OID  uint32
	Mod  int32  // type modifier, -1 when there is none
	Size int16  // bytes, -1 when it varies
	Name string // pg_type.typname, e.g. "int4", "_text"
	Elem uint32 // element's OID of an array, else 0
}

func simple(oid uint32, mod int32) Type {
	e := entries[oid]
	return Type{OID: oid, Mod: mod, Size: e.size, Name: e.name}
}

// Of returns the PostgreSQL type in which values of t are sent. Structs, maps and arrays of
// anything nested are sent as JSON text; what the language cannot look into as text.
func Of(t expr.Type) Type {
	switch t.Kind {
	case expr.Bool:
		return simple(Bool, -1)
	case expr.Int:
		return simple(integer(t), -1)
	case expr.Decimal:
		return simple(Numeric, int32(t.Precision)<<16|int32(t.Scale)+4)
	case expr.Float:
		if t.Bits == 32 {
			return simple(Float4, -1)
		}
		return simple(Float8, -1)
	case expr.Text:
		return text(t)
	case expr.Binary:
		return simple(Bytea, -1)
	case expr.Date:
		return simple(Date, -1)
	case expr.Time:
		return simple(Time, -1)
	case expr.Timestamp:
		return simple(Timestamp, -1)
	case expr.Instant:
		return simple(Timestamptz, -1)
	case expr.UUID:
		return simple(UUID, -1)
	case expr.JSON, expr.Struct, expr.Map:
		return simple(JSON, -1)
	case expr.Array:
		return array(t)
	default:
		return opaque(t.Native)
	}
}

func integer(t expr.Type) uint32 {
	bits := t.Bits
	if bits == 0 {
		bits = 64
	}
	if t.Unsigned {
		bits++ // PostgreSQL has no unsigned types: the next wider one holds every value
	}
	switch {
	case bits <= 16:
		return Int2
	case bits <= 32:
		return Int4
	default:
		return Int8
	}
}

func text(t expr.Type) Type {
	switch {
	case t.Fixed && t.Length > 0:
		return simple(Bpchar, int32(t.Length)+4)
	case t.Length > 0:
		return simple(Varchar, int32(t.Length)+4)
	default:
		return simple(Text, -1)
	}
}

func array(t expr.Type) Type {
	if t.Elem == nil {
		return simple(JSON, -1)
	}
	elem := Of(*t.Elem)
	if elem.OID == JSON || elem.Elem != 0 {
		return simple(JSON, -1)
	}
	return Type{OID: entries[elem.OID].array, Mod: elem.Mod, Size: -1, Name: "_" + elem.Name, Elem: elem.OID}
}

func opaque(native string) Type {
	name, _, _ := strings.Cut(strings.ToUpper(native), "(")
	switch strings.TrimSpace(name) {
	case "INTERVAL":
		return simple(Interval, -1)
	case "TIME WITH TIME ZONE", "TIMETZ":
		return simple(Timetz, -1)
	case "BIT", "BITSTRING":
		return simple(Varbit, -1)
	default:
		return simple(Text, -1)
	}
}

// Known reports whether oid is a type of this table or the array of one, and the element's
// OID when it is an array.
func Known(oid uint32) (elem uint32, ok bool) {
	if _, ok := entries[oid]; ok {
		return 0, true
	}
	for e, entry := range entries {
		if entry.array == oid {
			return e, true
		}
	}
	return 0, false
}

// duckNames spells the types in DuckDB's language, for casts of parameters.
var duckNames = map[uint32]string{
	Bool: "BOOLEAN", Bytea: "BLOB", Int8: "BIGINT", Int2: "SMALLINT", Int4: "INTEGER", Text: "VARCHAR", OID: "BIGINT",
	JSON: "VARCHAR", Float4: "FLOAT", Float8: "DOUBLE", Bpchar: "VARCHAR", Varchar: "VARCHAR", Date: "DATE", Time: "TIME",
	Timestamp: "TIMESTAMP", Timestamptz: "TIMESTAMP WITH TIME ZONE", Interval: "INTERVAL", UUID: "UUID",
}

// DuckDB returns the DuckDB type that holds values of oid, and whether there is one that
// needs no modifier. Arrays are asked for by their element.
func DuckDB(oid uint32) (string, bool) {
	name, ok := duckNames[oid]
	return name, ok
}
