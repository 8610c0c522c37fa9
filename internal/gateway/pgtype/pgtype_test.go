package pgtype

import (
	"testing"

	"stead/policy/expr"
)

func TestOf(t *testing.T) {
	elem := func(t expr.Type) *expr.Type { return &t }
	for _, c := range []struct {
		in   expr.Type
		oid  uint32
		mod  int32
		name string
	}{
		{expr.Type{}, 25, -1, "text"},
		{expr.BoolType, 16, -1, "bool"},
		{expr.Type{Kind: expr.Int}, 20, -1, "int8"},
		{expr.Type{Kind: expr.Int, Bits: 8}, 21, -1, "int2"},
		{expr.Type{Kind: expr.Int, Bits: 8, Unsigned: true}, 21, -1, "int2"},
		{expr.Type{Kind: expr.Int, Bits: 16, Unsigned: true}, 23, -1, "int4"},
		{expr.Type{Kind: expr.Int, Bits: 32}, 23, -1, "int4"},
		{expr.Type{Kind: expr.Int, Bits: 32, Unsigned: true}, 20, -1, "int8"},
		{expr.DecimalType(10, 2), 1700, 655366, "numeric"},
		{expr.Type{Kind: expr.Float, Bits: 32}, 700, -1, "float4"},
		{expr.TextType, 25, -1, "text"},
		{expr.Type{Kind: expr.Text, Length: 11}, 1043, 15, "varchar"},
		{expr.Type{Kind: expr.Text, Length: 3, Fixed: true}, 1042, 7, "bpchar"},
		{expr.InstantType, 1184, -1, "timestamptz"},
		{expr.Type{Kind: expr.Array, Elem: elem(expr.TextType)}, 1009, -1, "_text"},
		{expr.Type{Kind: expr.Array, Elem: elem(expr.Type{Kind: expr.Array, Elem: elem(expr.IntType)})}, 114, -1, "json"},
		{expr.Type{Kind: expr.Array, Elem: elem(expr.Type{Kind: expr.Struct})}, 114, -1, "json"},
		{expr.Type{Kind: expr.Array}, 114, -1, "json"},
		{expr.Type{Kind: expr.Map}, 114, -1, "json"},
		{expr.Type{Native: "INTERVAL"}, 1186, -1, "interval"},
		{expr.Type{Native: "TIME WITH TIME ZONE"}, 1266, -1, "timetz"},
		{expr.Type{Native: "UNION(a INTEGER)"}, 25, -1, "text"},
	} {
		got := Of(c.in)
		if got.OID != c.oid || got.Mod != c.mod || got.Name != c.name {
			t.Errorf("Of(%s) = %+v, want %d %d %s", c.in, got, c.oid, c.mod, c.name)
		}
	}
}

func TestKnown(t *testing.T) {
	if e, ok := Known(1009); !ok || e != Text {
		t.Errorf("Known(1009) = %d %v", e, ok)
	}
	if _, ok := Known(999999); ok {
		t.Error("an unknown OID is known")
	}
}
