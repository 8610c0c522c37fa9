package expr

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An edge is a value as an engine may hold it and the one text it has, or none.
type edge struct {
	Type  Type    `json:"type"`
	Value string  `json:"value"`
	Text  *string `json:"text"`
}

func edges(t *testing.T) []edge {
	t.Helper()
	b, err := os.ReadFile("testdata/edge_values.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []edge
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) < 90 {
		t.Fatalf("only %d edge values", len(out))
	}
	return out
}

// held makes the value the way a driver would, not the way the language does.
func (e edge) held(t *testing.T) Value {
	t.Helper()
	number, errNumber := strconv.ParseInt(e.Value, 10, 64)
	v := Value{Kind: e.Type.Kind, Valid: true, Text: e.Value, Int: number}
	var err error
	var at time.Time
	switch e.Type.Kind {
	case Bool:
		v.Bool = e.Value == "true"
	case Int, Instant:
		err = errNumber
	case Decimal:
		whole, frac, _ := strings.Cut(e.Value, ".")
		v.Dec, _ = new(big.Int).SetString(whole+frac, 10)
		v.Scale = len(frac)
	case Binary:
		v.Bytes, err = hex.DecodeString(e.Value)
	case Date:
		if errNumber != nil {
			at, err = time.Parse(time.DateOnly, e.Value)
			v.Int = at.Unix() / 86400
		}
	case Time:
		if e.Value == "24:00:00" {
			v.Int = dayMicros
			break
		}
		at, err = time.Parse("15:04:05", e.Value)
		v.Int = int64(at.Hour())*3_600_000_000 + int64(at.Minute())*60_000_000 + int64(at.Second())*1_000_000 + int64(at.Nanosecond())/1000
	case Timestamp:
		if errNumber != nil {
			at, err = time.Parse(time.DateTime, e.Value)
			v.Int = at.UnixMicro()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCanonicalTextOfEdgeValues(t *testing.T) {
	for _, e := range edges(t) {
		v := e.held(t)
		got, ok := CanonicalText(v, e.Type)
		switch {
		case e.Text == nil && ok:
			t.Errorf("%s %q has the text %q, want none", e.Type, e.Value, got)
		case e.Text != nil && (!ok || got != *e.Text):
			t.Errorf("%s %q has the text %q (%v), want %q", e.Type, e.Value, got, ok, *e.Text)
		}
		if e.Text == nil {
			continue
		}
		back, ok := ParseCanonical(*e.Text, e.Type)
		if again, _ := CanonicalText(back, e.Type); !ok || again != *e.Text {
			t.Errorf("%s %q does not parse back", e.Type, *e.Text)
		}
	}
}

func TestTextsThatAreNotCanonical(t *testing.T) {
	for typ, texts := range map[string][]string{
		"bool":          {"TRUE", "1", "t", ""},
		"int":           {"007", "+7", "-0", " 7", "7 ", "7.0", "1e2", "0x7", "1_000", "", "9223372036854775808", "٧"},
		"int8":          {"128", "-129"},
		"uint8":         {"-1", "256"},
		"decimal(10,2)": {"1.5", "1", "01.50", ".50", "-0.00", "100000000.00", "1.500", "1,50", "+1.50", "1.5 "},
		"decimal(5,0)":  {"1.", "123456", "-0"},
		"date":          {"2023-02-29", "2024-2-9", "0000-01-01", "20240229", "2024-02-29 ", "today", "10000-01-01"},
		"time":          {"24:00:00.000000", "1:00:00.000000", "01:00:00", "01:00:60.000000"},
		"timestamp":     {"2024-02-29 00:00:00.000000", "2024-02-29T00:00:00", "2024-02-29T00:00:00.000000Z", "2024-02-29T00:00:00.0000001"},
		"timestamptz":   {"2024-02-29T00:00:00.000000", "2024-02-29T00:00:00.000000+00:00"},
		"uuid":          {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", ""},
		"binary":        {"FF", "f", "0x"},
		"text":          {"\xff"},
		"char(3)":       {"ab ", "abcd"},
		"text(2)":       {"abc"},
		"float":         {"1", "1.5"},
		"json":          {"1"},
		"array(text)":   {"a"},
	} {
		kind, err := ParseType(typ)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if v, ok := ParseCanonical(text, kind); ok {
				t.Errorf("%q was taken for %s: %+v", text, typ, v)
			}
		}
	}
}

func TestTypesReadBack(t *testing.T) {
	elem := DecimalType(10, 2)
	elem.Native = `odd "one"`
	for _, typ := range []Type{
		{}, BoolType, IntType, {Kind: Int, Bits: 8}, {Kind: Int, Bits: 32, Unsigned: true}, DecimalType(38, 38), {Kind: Float}, {Kind: Float, Bits: 32},
		TextType, {Kind: Text, Length: 20}, {Kind: Text, Length: 3, Fixed: true}, {Kind: Text, Native: "ENUM('a', 'b')"}, {Kind: Binary}, DateType,
		{Kind: Time}, TimestampType, InstantType, {Kind: UUID}, {Kind: JSON}, {Kind: Opaque, Native: "INTERVAL"}, {Kind: Array, Elem: &elem},
		{Kind: Map, Key: &Type{Kind: Text}, Elem: &Type{Kind: Array, Elem: &elem}},
		{Kind: Struct, Fields: []Field{{"a b", IntType}, {`"`, Type{Kind: Struct, Fields: []Field{{"x", DateType}}}}}},
	} {
		text := EncodeType(typ)
		back, err := ParseType(text)
		if err != nil || EncodeType(back) != text || back.Kind != typ.Kind || back.Native != typ.Native {
			t.Errorf("%s reads back as %s: %v", text, EncodeType(back), err)
		}
	}
	for _, text := range []string{"", "number", "decimal", "decimal(39,0)", "decimal(3,4)", "decimal(3)", "text(0)", "char", "array(", "array(text", "int int", "map(text)", "struct(a)", "text@x", strings.Repeat("array(", 1000)} {
		if typ, err := ParseType(text); err == nil {
			t.Errorf("%q was taken for %s", text, typ)
		}
	}
}
