package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var simpleTypes = map[string]Type{
	"opaque": {}, "bool": BoolType, "int": IntType, "int64": IntType,
	"int8": {Kind: Int, Bits: 8}, "int16": {Kind: Int, Bits: 16}, "int32": {Kind: Int, Bits: 32},
	"uint8": {Kind: Int, Bits: 8, Unsigned: true}, "uint16": {Kind: Int, Bits: 16, Unsigned: true},
	"uint32": {Kind: Int, Bits: 32, Unsigned: true}, "uint": {Kind: Int, Bits: 64, Unsigned: true},
	"float": {Kind: Float}, "float32": {Kind: Float, Bits: 32}, "text": TextType, "binary": {Kind: Binary},
	"date": DateType, "time": {Kind: Time}, "timestamp": TimestampType, "timestamptz": InstantType,
	"uuid": {Kind: UUID}, "json": {Kind: JSON}, "array": {Kind: Array}, "struct": {Kind: Struct}, "map": {Kind: Map},
}

// EncodeType is the type as a text that ParseType reads back whole, the engine's own
// spelling included: decimal(20,0)@"UBIGINT".
func EncodeType(t Type) string {
	var s string
	switch {
	case t.Kind == Opaque:
		s = "opaque"
	case t.Kind == Array && t.Elem != nil:
		s = "array(" + EncodeType(*t.Elem) + ")"
	case t.Kind == Map && t.Key != nil && t.Elem != nil:
		s = "map(" + EncodeType(*t.Key) + ", " + EncodeType(*t.Elem) + ")"
	case t.Kind == Struct && len(t.Fields) > 0:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = quoteName(f.Name) + " " + EncodeType(f.Type)
		}
		s = "struct(" + strings.Join(parts, ", ") + ")"
	case t.Kind == Struct:
		s = "struct"
	default:
		s = t.String()
	}
	if t.Native != "" {
		s += "@" + quoteName(t.Native)
	}
	return s
}

// ParseType reads what EncodeType writes.
func ParseType(s string) (Type, error) {
	toks, err := lex(s)
	if err != nil {
		return Type{}, err
	}
	p := &parser{src: s, toks: toks}
	t, err := p.typeName()
	if err == nil && p.peek().kind != endToken {
		err = p.fail(p.peek(), "%s is not expected here", p.peek())
	}
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

// MarshalText implements encoding.TextMarshaler; in JSON a type is a text.
func (t Type) MarshalText() ([]byte, error) { return []byte(EncodeType(t)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Type) UnmarshalText(b []byte) error {
	parsed, err := ParseType(string(b))
	if err != nil {
		return fmt.Errorf("type %q: %w", b, err)
	}
	*t = parsed
	return nil
}

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// startsType reports whether a type's name and what can only follow one come next.
func (p *parser) startsType() bool {
	name, after := lowerASCII(p.peek().text), p.peekAt(1)
	if _, simple := simpleTypes[name]; simple && (after.kind == stringToken || after.is("NULL") || after.is("@")) {
		return true
	}
	switch name {
	case "decimal", "text", "char", "array", "struct", "map":
		return after.is("(")
	}
	return false
}

// typedLiteral reads type 'text' or type NULL.
func (p *parser) typedLiteral() (Node, error) {
	t, err := p.typeName()
	if err != nil {
		return nil, err
	}
	at := p.next()
	if at.is("NULL") {
		return NullOf(t), nil
	}
	if at.kind != stringToken {
		return nil, p.fail(at, "the value of a %s is expected, not %s", t, at)
	}
	v, ok := ParseCanonical(at.text, t)
	if !ok {
		v, ok = parseWritten(at.text, t)
	}
	if l := (Literal{Value: v, Typ: t}); ok && validLiteral(l) == nil {
		return l, nil
	}
	return nil, p.fail(at, "%q is not a %s%s", at.text, t, writtenHint(t))
}

// parseWritten reads forms that are exact though not canonical.
func parseWritten(s string, t Type) (Value, bool) {
	var layouts []string
	switch t.Kind {
	case Float:
		f, err := strconv.ParseFloat(s, 64)
		return FloatValue(f), err == nil
	case Timestamp:
		layouts = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"}
	case Instant:
		layouts = []string{"2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00"}
	case Time:
		layouts = []string{"15:04:05", "15:04"}
	}
	for _, layout := range layouts {
		at, err := time.Parse(layout, s)
		if err != nil || at.Nanosecond()%1000 != 0 {
			continue
		}
		if t.Kind == Time {
			return Value{Kind: Time, Valid: true, Int: at.Sub(at.Truncate(24 * time.Hour)).Microseconds()}, true
		}
		return Value{Kind: t.Kind, Valid: true, Int: at.UnixMicro()}, true
	}
	return Null, false
}

func writtenHint(t Type) string {
	switch t.Kind {
	case Date:
		return "; write YYYY-MM-DD"
	case Timestamp:
		return "; write YYYY-MM-DD HH:MM:SS"
	case Instant:
		return "; write YYYY-MM-DD HH:MM:SSZ"
	default:
		return ""
	}
}

func (p *parser) typeName() (Type, error) {
	t, err := p.plainType()
	if err != nil || !p.accept("@") {
		return t, err
	}
	native := p.next()
	if native.kind != quotedToken {
		return Type{}, p.fail(native, "the engine's spelling is expected in \"quotes\"")
	}
	t.Native = native.text
	return t, nil
}

func (p *parser) plainType() (Type, error) {
	at := p.next()
	if err := p.deeper(at); err != nil {
		return Type{}, err
	}
	defer func() { p.depth-- }()
	name := lowerASCII(at.text)
	if at.kind != wordToken {
		return Type{}, p.fail(at, "a type is expected, not %s", at)
	}
	if p.peek().is("(") {
		p.pos++
		return p.typeArgs(at, name)
	}
	if t, ok := simpleTypes[name]; ok {
		return t, nil
	}
	return Type{}, p.fail(at, "there is no type %q", at.text)
}

func (p *parser) typeArgs(at token, name string) (Type, error) {
	switch name {
	case "decimal":
		return p.decimalArgs()
	case "text", "char":
		n, err := p.sizeArg(1, 1<<30)
		if err != nil {
			return Type{}, err
		}
		return Type{Kind: Text, Length: n, Fixed: name == "char"}, p.expect(")")
	case "array":
		elem, err := p.typeName()
		if err != nil {
			return Type{}, err
		}
		return Type{Kind: Array, Elem: &elem}, p.expect(")")
	case "map":
		key, err := p.typeName()
		if err == nil {
			err = p.expect(",")
		}
		if err != nil {
			return Type{}, err
		}
		elem, err := p.typeName()
		if err != nil {
			return Type{}, err
		}
		return Type{Kind: Map, Key: &key, Elem: &elem}, p.expect(")")
	case "struct":
		return p.structArgs()
	}
	return Type{}, p.fail(at, "there is no type %s(...)", at.text)
}

func (p *parser) decimalArgs() (Type, error) {
	precision, err := p.sizeArg(1, 38)
	if err == nil {
		err = p.expect(",")
	}
	if err != nil {
		return Type{}, err
	}
	scale, err := p.sizeArg(0, precision)
	if err != nil {
		return Type{}, err
	}
	return DecimalType(precision, scale), p.expect(")")
}

func (p *parser) structArgs() (Type, error) {
	t := Type{Kind: Struct}
	for {
		name := p.next()
		if name.kind != quotedToken && name.kind != wordToken {
			return Type{}, p.fail(name, "the name of a field is expected, not %s", name)
		}
		field, err := p.typeName()
		if err != nil {
			return Type{}, err
		}
		t.Fields = append(t.Fields, Field{Name: name.text, Type: field})
		if !p.accept(",") {
			return t, p.expect(")")
		}
	}
}

func (p *parser) sizeArg(lo, hi int) (int, error) {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	if t.kind != numberToken || err != nil || n < lo || n > hi {
		return 0, p.fail(t, "a whole number from %d to %d is expected, not %s", lo, hi, t)
	}
	return n, nil
}
