package duckdb

import (
	"strconv"
	"strings"

	"stead/policy/expr"
)

var simpleTypes = map[string]expr.Type{
	"BOOLEAN":                  expr.BoolType,
	"TINYINT":                  {Kind: expr.Int, Bits: 8},
	"SMALLINT":                 {Kind: expr.Int, Bits: 16},
	"INTEGER":                  {Kind: expr.Int, Bits: 32},
	"BIGINT":                   expr.IntType,
	"UTINYINT":                 {Kind: expr.Int, Bits: 8, Unsigned: true},
	"USMALLINT":                {Kind: expr.Int, Bits: 16, Unsigned: true},
	"UINTEGER":                 {Kind: expr.Int, Bits: 32, Unsigned: true},
	"UBIGINT":                  {Kind: expr.Decimal, Precision: 20, Native: "UBIGINT"},
	"HUGEINT":                  {Kind: expr.Decimal, Precision: 38, Native: "HUGEINT"},
	"FLOAT":                    {Kind: expr.Float, Bits: 32},
	"DOUBLE":                   {Kind: expr.Float, Bits: 64},
	"VARCHAR":                  expr.TextType,
	"BLOB":                     {Kind: expr.Binary},
	"DATE":                     expr.DateType,
	"TIME":                     {Kind: expr.Time},
	"TIMESTAMP":                expr.TimestampType,
	"TIMESTAMP_S":              {Kind: expr.Timestamp, Native: "TIMESTAMP_S"},
	"TIMESTAMP_MS":             {Kind: expr.Timestamp, Native: "TIMESTAMP_MS"},
	"TIMESTAMP_NS":             {Kind: expr.Timestamp, Native: "TIMESTAMP_NS"},
	"TIMESTAMP WITH TIME ZONE": expr.InstantType,
	"UUID":                     {Kind: expr.UUID},
	"JSON":                     {Kind: expr.JSON},
}

// other spellings people write, and DuckDB accepts
var typeSynonyms = map[string]string{
	"BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN", "INT1": "TINYINT", "INT2": "SMALLINT", "SHORT": "SMALLINT",
	"INT": "INTEGER", "INT4": "INTEGER", "SIGNED": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT", "INT16": "SMALLINT",
	"INT32": "INTEGER", "INT64": "BIGINT", "INT128": "HUGEINT", "UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER",
	"UINT64": "UBIGINT", "REAL": "FLOAT", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "TEXT": "VARCHAR", "STRING": "VARCHAR",
	"CHAR": "VARCHAR", "BPCHAR": "VARCHAR", "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB",
	"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "DATETIME": "TIMESTAMP", "TIMESTAMP_US": "TIMESTAMP",
}

// ParseType reads DuckDB's spelling of a type. What the language cannot look into
// (INTERVAL, TIMETZ, BIT, UNION, fixed arrays, UHUGEINT, wrong spellings ...) is Opaque,
// with the spelling kept.
func ParseType(native string) expr.Type {
	p := &typeParser{src: native}
	if t, ok := p.whole(0); ok && p.rest() == "" {
		return t
	}
	return opaque(native)
}

func opaque(native string) expr.Type { return expr.Type{Kind: expr.Opaque, Native: native} }

const maxTypeDepth = 32

type typeParser struct {
	src string
	pos int
}

// whole reads a type with its [] suffixes.
func (p *typeParser) whole(depth int) (expr.Type, bool) {
	p.space()
	start := p.pos
	t, ok := p.base(depth)
	for ok && p.eat('[') {
		if n := p.digits(); n != "" { // a fixed array
			if ok = p.eat(']'); ok {
				t = opaque(strings.TrimSpace(p.src[start:p.pos]))
			}
			continue
		}
		elem := t
		if ok = p.eat(']'); ok {
			t = expr.Type{Kind: expr.Array, Elem: &elem}
		}
	}
	return t, ok
}

func (p *typeParser) base(depth int) (expr.Type, bool) {
	if depth > maxTypeDepth {
		return expr.Type{}, false
	}
	start := p.pos
	word := p.words()
	switch word {
	case "":
		return expr.Type{}, false
	case "DECIMAL", "NUMERIC", "DEC":
		return p.decimal()
	case "ENUM":
		if !p.skipParens() {
			return expr.Type{}, false
		}
		return expr.Type{Kind: expr.Text, Native: p.src[start:p.pos]}, true
	case "STRUCT", "ROW":
		return p.structure(depth)
	case "MAP":
		return p.mapping(depth)
	}
	if s, ok := typeSynonyms[word]; ok {
		word = s
	}
	if t, ok := simpleTypes[word]; ok {
		if word == "VARCHAR" && p.eat('(') { // DuckDB does not keep the length
			ok = p.digits() != "" && p.eat(')')
			return t, ok
		}
		return t, true
	}
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == '(' && !p.skipParens() { // UNION(...), GEOMETRY('...')
		return expr.Type{}, false
	}
	return opaque(strings.TrimSpace(p.src[start:p.pos])), true
}

func (p *typeParser) decimal() (expr.Type, bool) {
	if !p.eat('(') {
		return expr.DecimalType(18, 3), true // DuckDB's default
	}
	precision, err := strconv.Atoi(p.digits())
	if err != nil || precision < 1 || precision > 38 {
		return expr.Type{}, false
	}
	scale := 0
	if p.eat(',') {
		if scale, err = strconv.Atoi(p.digits()); err != nil || scale > precision {
			return expr.Type{}, false
		}
	}
	return expr.DecimalType(precision, scale), p.eat(')')
}

func (p *typeParser) mapping(depth int) (expr.Type, bool) {
	if !p.eat('(') {
		return expr.Type{}, false
	}
	key, ok := p.whole(depth + 1)
	if !ok || !p.eat(',') {
		return expr.Type{}, false
	}
	elem, ok := p.whole(depth + 1)
	return expr.Type{Kind: expr.Map, Key: &key, Elem: &elem}, ok && p.eat(')')
}

func (p *typeParser) structure(depth int) (expr.Type, bool) {
	t := expr.Type{Kind: expr.Struct}
	if !p.eat('(') {
		return t, false
	}
	for {
		name, ok := p.name()
		if !ok {
			return t, false
		}
		ft, ok := p.whole(depth + 1)
		if !ok {
			return t, false
		}
		t.Fields = append(t.Fields, expr.Field{Name: name, Type: ft})
		if p.eat(')') {
			return t, true
		}
		if !p.eat(',') {
			return t, false
		}
	}
}
