package duckdb

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"stead"
	"stead/policy/expr"
)

func TestParseType(t *testing.T) {
	text := expr.TextType
	for native, want := range map[string]expr.Type{
		"INTEGER": {Kind: expr.Int, Bits: 32}, "utinyint": {Kind: expr.Int, Bits: 8, Unsigned: true}, "BIGINT": expr.IntType,
		"UBIGINT": {Kind: expr.Decimal, Precision: 20, Native: "UBIGINT"}, "HUGEINT": {Kind: expr.Decimal, Precision: 38, Native: "HUGEINT"},
		"DECIMAL(10,2)": expr.DecimalType(10, 2), "NUMERIC( 38 , 38 )": expr.DecimalType(38, 38), "DECIMAL": expr.DecimalType(18, 3), "DECIMAL(5)": expr.DecimalType(5, 0),
		"VARCHAR": text, "VARCHAR(20)": text, "TIMESTAMP WITH TIME ZONE": expr.InstantType, "TIMESTAMPTZ": expr.InstantType,
		"TIMESTAMP_NS":        {Kind: expr.Timestamp, Native: "TIMESTAMP_NS"},
		"ENUM('a', 'it''s)')": {Kind: expr.Text, Native: "ENUM('a', 'it''s)')"},
		"VARCHAR[]":           {Kind: expr.Array, Elem: &text},
		"VARCHAR[3]":          {Kind: expr.Opaque, Native: "VARCHAR[3]"},
		`STRUCT(a INTEGER, "b ""c" VARCHAR[])`: {Kind: expr.Struct, Fields: []expr.Field{
			{Name: "a", Type: expr.Type{Kind: expr.Int, Bits: 32}}, {Name: `b "c`, Type: expr.Type{Kind: expr.Array, Elem: &text}}}},
		"MAP(VARCHAR, VARCHAR)": {Kind: expr.Map, Key: &text, Elem: &text},
		"INTERVAL":              {Kind: expr.Opaque, Native: "INTERVAL"}, "UHUGEINT": {Kind: expr.Opaque, Native: "UHUGEINT"},
		"UNION(num INTEGER, str VARCHAR)": {Kind: expr.Opaque, Native: "UNION(num INTEGER, str VARCHAR)"},
		"":                                {Kind: expr.Opaque}, "DECIMAL(39,0)": {Kind: expr.Opaque, Native: "DECIMAL(39,0)"}, "STRUCT(": {Kind: expr.Opaque, Native: "STRUCT("},
		"INTEGER; DROP": {Kind: expr.Opaque, Native: "INTEGER; DROP"},
	} {
		got := ParseType(native)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", native, got, want)
		}
		if got.Kind == expr.Opaque {
			continue
		}
		name, err := TypeName(got)
		if err != nil {
			t.Errorf("%s: %v", native, err)
		}
		if again := ParseType(name); !reflect.DeepEqual(again, got) {
			t.Errorf("%s: %s reads as %+v", native, name, again)
		}
	}
}

func TestTypeNameRefuses(t *testing.T) {
	for _, typ := range []expr.Type{
		{}, {Kind: expr.Opaque, Native: "INTEGER) AS x"}, {Kind: expr.Opaque, Native: "A(1), B"}, {Kind: expr.Text, Native: "INTEGER"}, {Kind: expr.Text, Native: "VARCHAR"},
		{Kind: expr.Int, Bits: 12}, {Kind: expr.Int, Bits: 64, Unsigned: true}, {Kind: expr.Decimal, Precision: 39}, {Kind: expr.Decimal, Precision: 2, Scale: 3},
		{Kind: expr.Array}, {Kind: expr.Map}, {Kind: expr.Struct}, {Kind: 99}, {Kind: expr.Array, Elem: &expr.Type{}}, {Kind: expr.Opaque, Native: "BIT\x00"},
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
		{expr.TextValue("it's\n\"x\" \\ é"), expr.TextType, "'it''s\n\"x\" \\ é'"},
		{expr.TextValue("a\x00b"), expr.TextType, "system.main.decode(system.main.unhex('610062'))"},
		{expr.IntValue(math.MinInt64), expr.IntType, "CAST('-9223372036854775808' AS BIGINT)"},
		{expr.BinaryValue([]byte{0, 255}), expr.Type{Kind: expr.Binary}, "system.main.unhex('00ff')"},
		{expr.DateValue(0), expr.DateType, "CAST('1970-01-01' AS DATE)"},
		{expr.Null, expr.DecimalType(5, 1), "CAST(NULL AS DECIMAL(5,1))"},
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
		{expr.TextValue("\xff"), expr.TextType}, {expr.TextValue("x"), expr.IntType}, {expr.DateValue(math.MaxInt32), expr.DateType},
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

// What cannot be printed is refused, by name, as not supported.
func TestRefuses(t *testing.T) {
	hash, err := expr.NewCall(expr.Hash, expr.Key{ID: "source/1"}, expr.Column{Name: "c", Typ: expr.TextType}, expr.IntLit(16))
	if err != nil {
		t.Fatal(err)
	}
	and, err := expr.NewCall(expr.And, expr.True, expr.Subject{Fact: expr.InGroup, Text: "g"})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]expr.Node{
		"nothing": nil, "a key": expr.Key{ID: "source/1"}, "an unknown function": expr.Call{Func: "pow", Args: []expr.Node{expr.IntLit(1)}},
		"a subject": expr.Subject{Fact: expr.UserName}, "a subject below": and, "a hash without keys": hash,
	} {
		got, err := Printer{}.Expr(n)
		var s *stead.Error
		if !errors.As(err, &s) || s.Code != stead.Unsupported {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	bad := Printer{Key: func(string) (string, error) { return "secret' OR '", nil }}
	if got, err := bad.Expr(hash); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := (Printer{}).Condition(expr.IntLit(1)); err == nil {
		t.Error("a condition of another type was printed")
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"a", `a"b`, "", "\x00", "\"; DROP", "é\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		if len(q) < 2 || q[0] != '"' || q[len(q)-1] != '"' || strings.IndexByte(q, 0) >= 0 {
			t.Fatalf("%q", q)
		}
		if inner := strings.ReplaceAll(q[1:len(q)-1], `""`, ""); strings.Contains(inner, `"`) {
			t.Fatalf("%q can be left", q)
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"INTEGER", "DECIMAL(10,2)[]", `STRUCT(a INTEGER, "b c" VARCHAR[])`, "MAP(VARCHAR, ENUM('a'))", "UNION(a INTEGER)", "TIMESTAMP WITH TIME ZONE[3]", "((((", "ENUM('"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ := ParseType(s)
		name, err := TypeName(typ)
		if err != nil {
			return
		}
		again := ParseType(name)
		if !reflect.DeepEqual(again, typ) {
			t.Fatalf("%q: %+v prints %q, which reads as %+v", s, typ, name, again)
		}
		depth := 0
		for _, r := range strip(name) {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			case ';':
				if depth == 0 {
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

// strip removes what is quoted.
func strip(s string) string {
	var b strings.Builder
	var in byte
	for i := range len(s) {
		switch {
		case in != 0:
			if s[i] == in {
				in = 0
			}
		case s[i] == '\'' || s[i] == '"':
			in = s[i]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
