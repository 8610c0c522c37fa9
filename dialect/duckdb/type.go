package duckdb

import (
	"fmt"
	"strconv"
	"strings"

	"stead"
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

func (p *typeParser) rest() string { return strings.TrimSpace(p.src[p.pos:]) }

func (p *typeParser) space() {
	for p.pos < len(p.src) && p.src[p.pos] == ' ' {
		p.pos++
	}
}

func (p *typeParser) eat(c byte) bool {
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
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

// words reads the words of a name, in upper case: "TIMESTAMP WITH TIME ZONE".
func (p *typeParser) words() string {
	start := p.pos
	for p.pos < len(p.src) && (isWord(p.src[p.pos]) || p.src[p.pos] == ' ') {
		p.pos++
	}
	return strings.ToUpper(strings.Join(strings.Fields(p.src[start:p.pos]), " "))
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *typeParser) digits() string {
	p.space()
	start := p.pos
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
		p.pos++
	}
	return p.src[start:p.pos]
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

// name reads a field's name, quoted or one bare word.
func (p *typeParser) name() (string, bool) {
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '"' {
		start := p.pos
		for p.pos < len(p.src) && isWord(p.src[p.pos]) {
			p.pos++
		}
		return p.src[start:p.pos], p.pos > start
	}
	start := p.pos
	if !p.skipQuoted('"') {
		return "", false
	}
	return strings.ReplaceAll(p.src[start+1:p.pos-1], `""`, `"`), true
}

func (p *typeParser) skipQuoted(q byte) bool {
	for p.pos++; p.pos < len(p.src); p.pos++ {
		if p.src[p.pos] != q {
			continue
		}
		if p.pos++; p.pos >= len(p.src) || p.src[p.pos] != q {
			return true
		}
	}
	return false
}

// skipParens passes a parenthesis with what is nested and quoted in it.
func (p *typeParser) skipParens() bool {
	p.space()
	depth := 0
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos++
				return true
			}
		case '\'', '"':
			if !p.skipQuoted(c) {
				return false
			}
			continue
		}
		if depth == 0 {
			return false
		}
		p.pos++
	}
	return false
}

// TypeName spells a type for CAST. It refuses a type that is not one of DuckDB's: a
// Native spelling counts only when it reads as exactly the type it stands for.
func TypeName(t expr.Type) (string, error) {
	if t.Native != "" {
		back := ParseType(t.Native)
		if !strings.Contains(t.Native, "\x00") && back.Kind == t.Kind && back.Native == t.Native && nativeReads(t.Native) {
			return t.Native, nil
		}
		return "", badType(t)
	}
	switch t.Kind {
	case expr.Bool:
		return "BOOLEAN", nil
	case expr.Int:
		return intName(t)
	case expr.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return "", badType(t)
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale), nil
	case expr.Float:
		if t.Bits == 32 {
			return "FLOAT", nil
		}
		return "DOUBLE", nil
	case expr.Text:
		return "VARCHAR", nil
	case expr.Binary:
		return "BLOB", nil
	case expr.Date:
		return "DATE", nil
	case expr.Time:
		return "TIME", nil
	case expr.Timestamp:
		return "TIMESTAMP", nil
	case expr.Instant:
		return "TIMESTAMP WITH TIME ZONE", nil
	case expr.UUID:
		return "UUID", nil
	case expr.JSON:
		return "JSON", nil
	default:
		return nestedName(t)
	}
}

func intName(t expr.Type) (string, error) {
	names := map[int]string{8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT", 0: "BIGINT"}
	name, ok := names[t.Bits]
	if !ok || t.Unsigned && t.Bits != 8 && t.Bits != 16 && t.Bits != 32 {
		return "", badType(t)
	}
	if t.Unsigned {
		return "U" + name, nil
	}
	return name, nil
}

func nestedName(t expr.Type) (string, error) {
	switch {
	case t.Kind == expr.Array && t.Elem != nil:
		elem, err := TypeName(*t.Elem)
		return elem + "[]", err
	case t.Kind == expr.Map && t.Elem != nil && t.Key != nil:
		key, err := TypeName(*t.Key)
		if err != nil {
			return "", err
		}
		elem, err := TypeName(*t.Elem)
		return "MAP(" + key + ", " + elem + ")", err
	case t.Kind == expr.Struct && len(t.Fields) > 0:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			ft, err := TypeName(f.Type)
			if err != nil {
				return "", err
			}
			parts[i] = Quote(f.Name) + " " + ft
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")", nil
	}
	return "", badType(t)
}

// nativeReads reports whether a spelling holds nothing but one type: words, and
// parentheses whose quotes close, so that no SQL can hide behind it.
func nativeReads(native string) bool {
	p := &typeParser{src: native}
	_, ok := p.whole(0)
	return ok && p.rest() == ""
}

func badType(t expr.Type) error {
	return stead.Errorf(stead.Unsupported, "the embedded engine has no type %s", t)
}
