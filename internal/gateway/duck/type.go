package duck

import (
	"fmt"
	"strings"

	dialect "stead/dialect/duckdb"
)

// TypeID is DuckDB's number of a type.
type TypeID uint8

// The types, numbered as in duckdb.h.
const (
	Invalid     TypeID = 0
	Boolean     TypeID = 1
	TinyInt     TypeID = 2
	SmallInt    TypeID = 3
	Integer     TypeID = 4
	BigInt      TypeID = 5
	UTinyInt    TypeID = 6
	USmallInt   TypeID = 7
	UInteger    TypeID = 8
	UBigInt     TypeID = 9
	Float       TypeID = 10
	Double      TypeID = 11
	Timestamp   TypeID = 12
	Date        TypeID = 13
	Time        TypeID = 14
	Interval    TypeID = 15
	HugeInt     TypeID = 16
	Varchar     TypeID = 17
	Blob        TypeID = 18
	Decimal     TypeID = 19
	TimestampS  TypeID = 20
	TimestampMS TypeID = 21
	TimestampNS TypeID = 22
	Enum        TypeID = 23
	List        TypeID = 24
	Struct      TypeID = 25
	Map         TypeID = 26
	UUID        TypeID = 27
	Union       TypeID = 28
	Bit         TypeID = 29
	TimeTZ      TypeID = 30
	TimestampTZ TypeID = 31
	UHugeInt    TypeID = 32
	Array       TypeID = 33
	Any         TypeID = 34
	BigNum      TypeID = 35
	SQLNull     TypeID = 36
	TimeNS      TypeID = 39
	Geometry    TypeID = 40
	Variant     TypeID = 41
)

var typeNames = map[TypeID]string{
	Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Integer: "INTEGER", BigInt: "BIGINT",
	UTinyInt: "UTINYINT", USmallInt: "USMALLINT", UInteger: "UINTEGER", UBigInt: "UBIGINT", Float: "FLOAT",
	Double: "DOUBLE", Timestamp: "TIMESTAMP", Date: "DATE", Time: "TIME", Interval: "INTERVAL", HugeInt: "HUGEINT",
	Varchar: "VARCHAR", Blob: "BLOB", TimestampS: "TIMESTAMP_S", TimestampMS: "TIMESTAMP_MS",
	TimestampNS: "TIMESTAMP_NS", UUID: "UUID", Bit: "BIT", TimeTZ: "TIME WITH TIME ZONE",
	TimestampTZ: "TIMESTAMP WITH TIME ZONE", UHugeInt: "UHUGEINT", BigNum: "BIGNUM", SQLNull: "\"NULL\"",
	TimeNS: "TIME_NS", Geometry: "GEOMETRY", Variant: "VARIANT", Any: "ANY",
}

// Type is the type of a result column or of what is nested in one.
type Type struct {
	ID TypeID
	// Alias is the name of a type made over another one; JSON is VARCHAR with alias "JSON".
	Alias        string
	Width, Scale uint8    // Decimal
	Values       []string // Enum
	Elem         *Type    // List, Array, and the values of a Map
	Key          *Type    // Map
	Size         int      // Array
	Fields       []Field  // Struct, Union

	storage TypeID // how Decimal and Enum values are stored
}

// Field is a member of a Struct or Union.
type Field struct {
	Name string
	Type *Type
}

// Column is a named result column.
type Column struct {
	Name string
	Type *Type
}

// String spells the type as DuckDB does; dialect/duckdb.ParseType reads it.
func (t *Type) String() string {
	if t == nil {
		return "INVALID"
	}
	if t.Alias != "" {
		return t.Alias
	}
	switch t.ID {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Width, t.Scale)
	case Enum:
		parts := make([]string, len(t.Values))
		for i, v := range t.Values {
			parts[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
		}
		return "ENUM(" + strings.Join(parts, ", ") + ")"
	case List:
		return t.Elem.String() + "[]"
	case Array:
		return fmt.Sprintf("%s[%d]", t.Elem, t.Size)
	case Map:
		return fmt.Sprintf("MAP(%s, %s)", t.Key, t.Elem)
	case Struct:
		return "STRUCT(" + fieldNames(t.Fields) + ")"
	case Union:
		return "UNION(" + fieldNames(t.Fields) + ")"
	}
	if name, ok := typeNames[t.ID]; ok {
		return name
	}
	return fmt.Sprintf("INVALID(%d)", t.ID)
}

func fieldNames(fields []Field) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = dialect.Quote(f.Name) + " " + f.Type.String()
	}
	return strings.Join(parts, ", ")
}
