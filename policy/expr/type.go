package expr

import (
	"fmt"
	"strings"
)

// Kind is the family a type belongs to. The zero value is Opaque: a type the
// language cannot look into. A column of an opaque type can only be shown,
// masked to NULL, or tested with is_null.
type Kind uint8

// The kinds of the language. Every engine's types are mapped onto these when a
// data source is registered.
const (
	Opaque Kind = iota
	Bool
	Int       // whole numbers of at most 64 bits
	Decimal   // exact numbers, Precision 1..38, Scale 0..Precision
	Float     // IEEE 754; has no text, hash or equality
	Text      // code points, compared by their UTF-8 bytes
	Binary    // bytes
	Date      // proleptic Gregorian day
	Time      // time of day, microseconds
	Timestamp // wall clock without zone, microseconds
	Instant   // a point in time (TIMESTAMP WITH TIME ZONE), microseconds, UTC
	UUID
	JSON
	Array
	Struct
	Map
)

var kindNames = [...]string{
	Opaque: "opaque", Bool: "bool", Int: "int", Decimal: "decimal", Float: "float", Text: "text",
	Binary: "binary", Date: "date", Time: "time", Timestamp: "timestamp", Instant: "timestamptz",
	UUID: "uuid", JSON: "json", Array: "array", Struct: "struct", Map: "map",
}

// String returns the kind's name in the language, e.g. "timestamptz".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Type is the declared type of a column or the computed type of an expression.
// The zero Type is opaque.
type Type struct {
	Kind Kind

	// Bits is the width of Int (8, 16, 32, 64; 0 means 64) and Float (32, 64; 0 means 64).
	Bits int
	// Unsigned marks Int types without negative values, at most 32 bits wide; a 64 bit
	// unsigned integer is declared as Decimal(20,0).
	Unsigned bool

	Precision int // Decimal
	Scale     int // Decimal

	// Length is the declared maximum number of code points of Text; 0 means unbounded.
	Length int
	// Fixed marks char(n): trailing U+0020 are not part of the value.
	Fixed bool

	Elem   *Type   // Array and Map values
	Key    *Type   // Map keys
	Fields []Field // Struct

	// Native is the engine's own spelling where the kind alone would lose something
	// (an enum, TIMESTAMP_NS, an opaque type); it is used to cast back, never to decide.
	Native string
}

// Field is one member of a Struct type.
type Field struct {
	Name string
	Type Type
}

// Common types.
var (
	BoolType      = Type{Kind: Bool}
	IntType       = Type{Kind: Int, Bits: 64}
	TextType      = Type{Kind: Text}
	DateType      = Type{Kind: Date}
	TimestampType = Type{Kind: Timestamp}
	InstantType   = Type{Kind: Instant}
)

// DecimalType returns decimal(precision, scale).
func DecimalType(precision, scale int) Type {
	return Type{Kind: Decimal, Precision: precision, Scale: scale}
}

// HasText reports whether values of the type have a canonical text
// (docs/semantics.md): only such types can be hashed, compared for equality
// with a subject's attribute values, or turned into text.
func (t Type) HasText() bool {
	switch t.Kind {
	case Bool, Int, Decimal, Text, Binary, Date, Time, Timestamp, Instant, UUID:
		return true
	default:
		return false
	}
}

// IsNumber reports whether the type is an exact number (Int or Decimal).
func (t Type) IsNumber() bool { return t.Kind == Int || t.Kind == Decimal }

// String prints the type as the language spells it: "int", "decimal(10,2)", "text(20)",
// "char(3)", "array(text)", "struct(a int, b text)".
func (t Type) String() string {
	switch t.Kind {
	case Opaque:
		if t.Native != "" {
			return "opaque(" + t.Native + ")"
		}
	case Int:
		name := "int"
		if t.Unsigned {
			name = "uint"
		}
		if t.Bits != 0 && t.Bits != 64 {
			return fmt.Sprintf("%s%d", name, t.Bits)
		}
		return name
	case Float:
		if t.Bits == 32 {
			return "float32"
		}
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Text:
		if t.Fixed {
			return fmt.Sprintf("char(%d)", t.Length)
		}
		if t.Length > 0 {
			return fmt.Sprintf("text(%d)", t.Length)
		}
	case Array:
		if t.Elem != nil {
			return "array(" + t.Elem.String() + ")"
		}
	case Map:
		if t.Key != nil && t.Elem != nil {
			return "map(" + t.Key.String() + ", " + t.Elem.String() + ")"
		}
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = fmt.Sprintf("%q %s", f.Name, f.Type)
		}
		return "struct(" + strings.Join(parts, ", ") + ")"
	}
	return t.Kind.String()
}
