package postgres

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"stead"
	"stead/policy/expr"
)

func TestParseType(t *testing.T) {
	text := expr.TextType
	for native, want := range map[string]expr.Type{
		"integer": {Kind: expr.Int, Bits: 32}, "SMALLINT": {Kind: expr.Int, Bits: 16}, "bigint": expr.IntType, "int8": expr.IntType, "pg_catalog.int4": {Kind: expr.Int, Bits: 32},
		"numeric(10,2)": expr.DecimalType(10, 2), "decimal( 38 , 38 )": expr.DecimalType(38, 38), "numeric(5)": expr.DecimalType(5, 0),
		"numeric": {Kind: expr.Opaque, Native: "numeric"}, "numeric(39,0)": {Kind: expr.Opaque, Native: "numeric(39,0)"},
		"numeric(3,-2)": {Kind: expr.Opaque, Native: "numeric(3,-2)"}, "numeric(3,5)": {Kind: expr.Opaque, Native: "numeric(3,5)"},
		"real": {Kind: expr.Float, Bits: 32}, "double precision": {Kind: expr.Float, Bits: 64},
		"text": text, "character varying": text, "character varying(20)": {Kind: expr.Text, Length: 20}, "varchar(20)": {Kind: expr.Text, Length: 20},
		"character(3)": {Kind: expr.Text, Length: 3, Fixed: true}, "char": {Kind: expr.Text, Length: 1, Fixed: true},
		`"char"`: {Kind: expr.Opaque, Native: `"char"`}, "pg_catalog.char": {Kind: expr.Opaque, Native: "char"}, "bpchar": {Kind: expr.Opaque, Native: "bpchar"},
		"timestamp with time zone": expr.InstantType, "timestamptz": expr.InstantType, "timestamp": expr.TimestampType,
		"timestamp(3) without time zone": {Kind: expr.Timestamp, Native: "timestamp(3) without time zone"},
		"timestamp(3) with time zone":    {Kind: expr.Instant, Native: "timestamp(3) with time zone"},
		"time with time zone":            {Kind: expr.Opaque, Native: "time with time zone"}, "interval": {Kind: expr.Opaque, Native: "interval"},
		"jsonb": {Kind: expr.JSON}, "json": {Kind: expr.JSON, Native: "json"}, "uuid": {Kind: expr.UUID}, "bytea": {Kind: expr.Binary},
		"text[]": {Kind: expr.Array, Elem: &text}, "text[][]": {Kind: expr.Array, Elem: &text},
		"inet": {Kind: expr.Opaque, Native: "inet"}, "public.mood": {Kind: expr.Opaque, Native: "public.mood"}, `a."B c"`: {Kind: expr.Opaque, Native: `a."B c"`},
		"evil.text": {Kind: expr.Opaque, Native: "evil.text"}, "pg_catalog.inet": {Kind: expr.Opaque, Native: "inet"},
		"": {Kind: expr.Opaque}, "integer; DROP": {Kind: expr.Opaque, Native: "integer; DROP"},
	} {
		got := ParseType(native)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", native, got, want)
		}
		name, err := TypeName(got)
		if err != nil {
			if got.Kind != expr.Opaque {
				t.Errorf("%s: %v", native, err)
			}
			continue
		}
		if again := ParseType(name); !reflect.DeepEqual(again, got) {
			t.Errorf("%s: %s reads as %+v", native, name, again)
		}
	}
}

func TestTypeNameRefuses(t *testing.T) {
	for _, typ := range []expr.Type{
		{}, {Kind: expr.Opaque, Native: "integer) AS x"}, {Kind: expr.Opaque, Native: "a(1), b"}, {Kind: expr.Opaque, Native: "integer"}, {Kind: expr.Text, Native: "text"},
		{Kind: expr.Text, Native: "interval"}, {Kind: expr.Opaque, Native: "a.b.c"}, {Kind: expr.Opaque, Native: `"a`}, {Kind: expr.Opaque, Native: "a--"},
		{Kind: expr.Int, Bits: 12}, {Kind: expr.Int, Bits: 64, Unsigned: true}, {Kind: expr.Decimal, Precision: 39}, {Kind: expr.Decimal, Precision: 2, Scale: 3},
		{Kind: expr.Array}, {Kind: expr.Map}, {Kind: expr.Struct}, {Kind: 99}, {Kind: expr.Array, Elem: &expr.Type{}}, {Kind: expr.Opaque, Native: "bit\x00"},
		{Kind: expr.Text, Fixed: true}, {Kind: expr.Text, Length: -1}, {Kind: expr.Timestamp, Native: "timestamp(3) with time zone"}, {Kind: expr.Date, Native: "date"},
	} {
		if name, err := TypeName(typ); err == nil {
			t.Errorf("%+v: printed %s", typ, name)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, tc := range []struct {
		v    expr.Value
		t    expr.Type
		want string
	}{
		{expr.TextValue("it's é"), expr.TextType, "CAST('it''s é' AS pg_catalog.text)"},
		{expr.TextValue("a\\'b\nc\x7f"), expr.TextType, `CAST(E'a\\''b\x0ac\x7f' AS pg_catalog.text)`},
		{expr.TextValue("abc"), expr.Type{Kind: expr.Text, Length: 3}, "CAST('abc' AS pg_catalog.varchar(3))"},
		{expr.IntValue(math.MinInt64), expr.IntType, "CAST('-9223372036854775808' AS pg_catalog.int8)"},
		{expr.BinaryValue([]byte{0, 255}), expr.Type{Kind: expr.Binary}, "pg_catalog.decode('00ff', 'hex')"},
		{expr.DateValue(0), expr.DateType, "pg_catalog.make_date(1970, 1, 1)"},
		{expr.TimestampValue(1), expr.TimestampType, "pg_catalog.make_timestamp(1970, 1, 1, 0, 0, 0.000001)"},
		{expr.Null, expr.DecimalType(5, 1), "CAST(NULL AS pg_catalog.numeric(5,1))"},
		{expr.BoolValue(true), expr.BoolType, "TRUE"},
	} {
		if got, err := Literal(tc.v, tc.t); got != tc.want || err != nil {
			t.Errorf("%+v: %s, %v", tc.v, got, err)
		}
	}
	for _, tc := range []struct {
		v expr.Value
		t expr.Type
	}{
		{expr.TextValue("\xff"), expr.TextType}, {expr.TextValue("a\x00b"), expr.TextType}, {expr.TextValue("x"), expr.IntType}, {expr.TextValue("x"), EnumType("public.mood")},
		{expr.TextValue("abcd"), expr.Type{Kind: expr.Text, Length: 3}}, {expr.IntValue(300), expr.Type{Kind: expr.Int, Bits: 8}},
		{expr.FloatValue(1e300), expr.Type{Kind: expr.Float, Bits: 32}}, {expr.DateValue(math.MaxInt32), expr.DateType},
		{expr.TimestampValue(math.MaxInt64), expr.TimestampType}, {expr.InstantValue(math.MinInt64), expr.InstantType},
		{expr.DecimalValue(big.NewInt(1000), 0), expr.DecimalType(3, 0)}, {expr.Value{Kind: expr.UUID, Valid: true, Text: "x' OR 1=1"}, expr.Type{Kind: expr.UUID}},
		{expr.Value{Kind: expr.Struct, Valid: true}, expr.Type{Kind: expr.Struct}}, {expr.Null, expr.Type{}},
		{expr.Value{Kind: expr.Time, Valid: true, Int: -1}, expr.Type{Kind: expr.Time}},
	} {
		if got, err := Literal(tc.v, tc.t); err == nil {
			t.Errorf("%+v: printed %s", tc.v, got)
		}
	}
}

func make1(t *testing.T, f expr.Func, args ...expr.Node) expr.Node {
	t.Helper()
	c, err := expr.NewCall(f, args...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What cannot be printed is refused, by name, as not supported.
func TestRefuses(t *testing.T) {
	c := expr.Column{Name: "c", Typ: expr.TextType}
	nul := expr.TextLit("a\x00")
	for name, n := range map[string]expr.Node{
		"nothing": nil, "a key": expr.Key{ID: "source/1"}, "an unknown function": expr.Call{Func: "pow", Args: []expr.Node{expr.IntLit(1)}},
		"a subject": expr.Subject{Fact: expr.UserName}, "a subject below": make1(t, expr.And, expr.True, expr.Subject{Fact: expr.InGroup, Text: "g"}),
		"a slot": expr.Subject{Fact: expr.SlotHolds, Key: "1"}, "an unknown fact": expr.Subject{Fact: 77},
		"a hash without keys": make1(t, expr.Hash, expr.Key{ID: "source/1"}, c, expr.IntLit(16)),
		"a zero byte":         make1(t, expr.Concat, c, nul), "a zero byte to look for": make1(t, expr.Contains, c, nul), "a zero byte in a pattern": make1(t, expr.Like, c, nul),
	} {
		got, err := Printer{}.Expr(n)
		var s *stead.Error
		if !errors.As(err, &s) || s.Code != stead.Unsupported {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	slots := Printer{Subject: func(expr.Subject, string, expr.Type) (string, error) { return "TRUE", nil }}
	for _, s := range []expr.Subject{
		{Fact: expr.HasAttribute, Key: "k", Text: "v"}, {Fact: expr.AttributeContains, Key: "k", Arg: c}, {Fact: expr.SlotContains, Key: "1"}, {Fact: expr.SlotHolds, Key: "1", Arg: c},
		{Fact: expr.SlotContains, Key: "1", Arg: expr.Column{Name: "f", Typ: expr.Type{Kind: expr.Float}}}, {},
	} {
		if got, err := slots.Expr(s); err == nil {
			t.Errorf("%+v: %s", s, got)
		}
	}
	if _, err := (Printer{}).Condition(expr.IntLit(1)); err == nil {
		t.Error("a condition of another type was printed")
	}
	for _, m := range []struct {
		n expr.Node
		t expr.Type
	}{{expr.IntLit(1), expr.TextType}, {nil, expr.TextType}, {c, expr.Type{}}, {expr.Column{Name: "j", Typ: expr.Type{Kind: expr.JSON}}, expr.Type{Kind: expr.JSON, Native: "json"}}} {
		if got, err := (Printer{}).Mask(m.n, m.t); err == nil {
			t.Errorf("%+v: %s", m, got)
		}
	}
}

// What is asked about the subject goes to the printer's owner with the row's value as it is best looked up.
func TestSubject(t *testing.T) {
	var gotArg string
	var gotType expr.Type
	p := Printer{ByteText: true, Column: func(name string) string { return "e." + Quote(name) },
		Subject: func(s expr.Subject, arg string, typ expr.Type) (string, error) {
			gotArg, gotType = arg, typ
			return "S", nil
		}}
	for _, tc := range []struct {
		typ                expr.Type
		condition, negated string
	}{
		{expr.TextType, `e."c"`, `e."c"`},
		{expr.Type{Kind: expr.Int, Bits: 32}, `e."c"`, `e."c"`},
		{expr.DecimalType(5, 2), `e."c"`, `CASE WHEN (e."c" OPERATOR(pg_catalog.<) CAST('NaN' AS pg_catalog.numeric)) THEN e."c" END`},
		{EnumType("public.mood"), `(CAST(e."c" AS pg_catalog.text) COLLATE pg_catalog."C")`, `(CAST(e."c" AS pg_catalog.text) COLLATE pg_catalog."C")`},
	} {
		s := expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: expr.Column{Name: "c", Typ: tc.typ}}
		if sql, err := p.Condition(s); sql != "(S)" || err != nil || gotArg != tc.condition || gotType.Kind != tc.typ.Kind || gotType.Native != "" {
			t.Errorf("%s: %s %v %s %+v", tc.typ, sql, err, gotArg, gotType)
		}
		not := expr.Call{Func: expr.Not, Args: []expr.Node{s}}
		if sql, err := p.Expr(not); sql != "(NOT (S))" || err != nil || gotArg != tc.negated {
			t.Errorf("%s: %s %v %s", tc.typ, sql, err, gotArg)
		}
	}
	if sql, err := p.Expr(expr.Subject{Fact: expr.UserName}); sql != `((S) COLLATE pg_catalog."C")` || err != nil || gotArg != "" {
		t.Error(sql, err)
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"a", `a"b`, "", "\x00", "\"; DROP", "é\n", strings.Repeat("é", 40), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		if len(q) < 2 || q[0] != '"' || q[len(q)-1] != '"' || strings.IndexByte(q, 0) >= 0 || !utf8.ValidString(q) {
			t.Fatalf("%q", q)
		}
		inner := q[1 : len(q)-1]
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
			t.Fatalf("%q can be left", q)
		}
		name := strings.ReplaceAll(inner, `""`, `"`)
		if whole := utf8.ValidString(s) && len(s) <= 63 && !strings.Contains(s, "\x00"); whole != (name == s) || len(name) > 3*63 || !whole && !strings.Contains(name, "\uFFFD") {
			t.Fatalf("%q became %q", s, name)
		}
	})
}

const hexDigits = "0123456789abcdef"

// A quoted text reads as itself in both of PostgreSQL's ways to read one.
func FuzzQuoteText(f *testing.F) {
	for _, s := range []string{"a", "it's", `\`, `\'`, "\n", "é", "", "E'", `''\\`, "\x7f\x01" + "1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := quoteText(s)
		if err != nil {
			if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
				t.Fatal(err)
			}
			return
		}
		body, escapes := strings.CutPrefix(q, "E")
		if len(body) < 2 || body[0] != '\'' || body[len(body)-1] != '\'' || !escapes && strings.Contains(body, `\`) {
			t.Fatal(q)
		}
		body = body[1 : len(body)-1]
		var b strings.Builder
		for i := 0; i < len(body); i++ {
			switch {
			case body[i] == '\'':
				if i++; i >= len(body) || body[i] != '\'' {
					t.Fatalf("%s can be left", q)
				}
				b.WriteByte('\'')
			case body[i] == '\\' && body[i+1] == 'x':
				b.WriteByte(byte(strings.IndexByte(hexDigits, body[i+2])<<4 | strings.IndexByte(hexDigits, body[i+3])))
				i += 3
			case body[i] == '\\':
				i++
				b.WriteByte(body[i])
			default:
				b.WriteByte(body[i])
			}
		}
		if b.String() != s {
			t.Fatalf("%q reads as %q", s, b.String())
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"integer", "numeric(10,2)[]", "timestamp(3) with time zone", `a."b ""c"(1,Point)`, "interval day to second(3)", "((((", "pg_catalog.int4", `"`, "character varying"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ := ParseType(s)
		name, err := TypeName(typ)
		if err != nil {
			return
		}
		if again := ParseType(name); !reflect.DeepEqual(again, typ) {
			t.Fatalf("%q: %+v prints %q, which reads as %+v", s, typ, name, again)
		}
		depth := 0
		for _, r := range strip(name) {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			case ';', '\'', '-', '/', '*', '$':
				if depth <= 0 || r != '-' {
					t.Fatalf("%q: %q", s, name)
				}
			}
			if depth < 0 {
				t.Fatalf("%q: %q closes more than it opens", s, name)
			}
		}
		if depth != 0 {
			t.Fatalf("%q: %q", s, name)
		}
	})
}

// strip removes what is in double quotes.
func strip(s string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}
