package duck

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// show prints a value through the accessors alone.
func show(v *Vector, i int) string {
	if v.Null(i) {
		return "NULL"
	}
	switch v.Type.ID {
	case Boolean:
		return fmt.Sprint(v.Bool(i))
	case UBigInt:
		return fmt.Sprint(v.Uint(i))
	case Float, Double:
		return fmt.Sprint(v.Float64(i))
	case HugeInt, UHugeInt, BigNum, Decimal:
		return v.Big(i).String()
	case Varchar, Enum:
		return v.Text(i)
	case Blob, Geometry:
		return fmt.Sprintf("%x", v.Bytes(i))
	case Bit:
		return v.BitString(i)
	case UUID:
		return fmt.Sprintf("%x", v.UUID(i))
	case Interval:
		return fmt.Sprint(v.Interval(i))
	case TimeTZ:
		us, off := v.TimeTZ(i)
		return fmt.Sprint(us, " ", off)
	case List, Array, Map:
		off, n := v.Entry(i)
		parts := make([]string, n)
		for k := range n {
			parts[k] = show(v.Child(0), off+k)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Struct:
		parts := make([]string, len(v.Type.Fields))
		for k, f := range v.Type.Fields {
			parts[k] = f.Name + ":" + show(v.Child(k), i)
		}
		return "{" + strings.Join(parts, " ") + "}"
	case Union:
		k := v.Tag(i)
		return v.Type.Fields[k].Name + "=" + show(v.Child(k), i)
	default:
		if v.Infinite(i) {
			return "infinite"
		}
		return fmt.Sprint(v.Int(i))
	}
}

func TestTypes(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	for _, tc := range []struct{ sql, typ, want string }{
		{"TRUE", "BOOLEAN", "true"},
		{"(-128)::TINYINT", "TINYINT", "-128"},
		{"(-32768)::SMALLINT", "SMALLINT", "-32768"},
		{"(-2147483648)::INTEGER", "INTEGER", "-2147483648"},
		{"(-9223372036854775808)::BIGINT", "BIGINT", "-9223372036854775808"},
		{"255::UTINYINT", "UTINYINT", "255"},
		{"65535::USMALLINT", "USMALLINT", "65535"},
		{"4294967295::UINTEGER", "UINTEGER", "4294967295"},
		{"18446744073709551615::UBIGINT", "UBIGINT", "18446744073709551615"},
		{"'-170141183460469231731687303715884105728'::HUGEINT", "HUGEINT", "-170141183460469231731687303715884105728"},
		{"(-1)::HUGEINT", "HUGEINT", "-1"},
		{"'340282366920938463463374607431768211455'::UHUGEINT", "UHUGEINT", "340282366920938463463374607431768211455"},
		{"1.5::FLOAT", "FLOAT", "1.5"},
		{"'-inf'::DOUBLE", "DOUBLE", "-Inf"},
		{"(-1.5)::DECIMAL(4,1)", "DECIMAL(4,1)", "-15"},
		{"(-1.5)::DECIMAL(9,2)", "DECIMAL(9,2)", "-150"},
		{"(-1.5)::DECIMAL(18,2)", "DECIMAL(18,2)", "-150"},
		{"'-99999999999999999999999999999999999999'::DECIMAL(38,0)", "DECIMAL(38,0)", "-99999999999999999999999999999999999999"},
		{"'short'", "VARCHAR", "short"},
		{"'twelve bytes'", "VARCHAR", "twelve bytes"},
		{"'thirteen byte'", "VARCHAR", "thirteen byte"},
		{"''", "VARCHAR", ""},
		{"chr(0) || 'é' || chr(128512)", "VARCHAR", "\x00é😀"},
		{"'{\"a\":1}'::JSON", "JSON", `{"a":1}`},
		{"'\\x00\\xFF'::BLOB", "BLOB", "00ff"},
		{"DATE '1969-12-31'", "DATE", "-1"},
		{"DATE 'infinity'", "DATE", "infinite"},
		{"TIME '00:00:01.5'", "TIME", "1500000"},
		{"'01:00:00+02'::TIMETZ", "TIME WITH TIME ZONE", "3600000000 7200"},
		{"'01:00:00-15:30'::TIMETZ", "TIME WITH TIME ZONE", "3600000000 -55800"},
		{"TIMESTAMP '1970-01-01 00:00:01'", "TIMESTAMP", "1000000"},
		{"TIMESTAMP '-infinity'", "TIMESTAMP", "infinite"},
		{"TIMESTAMP_S '1970-01-01 00:00:01'", "TIMESTAMP_S", "1"},
		{"TIMESTAMP_MS '1970-01-01 00:00:01'", "TIMESTAMP_MS", "1000"},
		{"TIMESTAMP_NS '1970-01-01 00:00:00.000000001'", "TIMESTAMP_NS", "1"},
		{"TIMESTAMPTZ '1970-01-01 00:00:01+01'", "TIMESTAMP WITH TIME ZONE", "-3599000000"},
		{"INTERVAL '1 month 2 days 3 seconds'", "INTERVAL", "{1 2 3000000}"},
		{"'00112233-4455-6677-8899-aabbccddeeff'::UUID", "UUID", "00112233445566778899aabbccddeeff"},
		{"'ff112233-4455-6677-8899-aabbccddeeff'::UUID", "UUID", "ff112233445566778899aabbccddeeff"},
		{"'0001011'::BIT", "BIT", "0001011"},
		{"'10101010101'::BIT", "BIT", "10101010101"},
		{"'-123456789012345678901234567890'::BIGNUM", "BIGNUM", "-123456789012345678901234567890"},
		{"'123456789012345678901234567890'::BIGNUM", "BIGNUM", "123456789012345678901234567890"},
		{"0::BIGNUM", "BIGNUM", "0"},
		{"'b'::ENUM('a', 'b', 'it''s')", "ENUM('a', 'b', 'it''s')", "b"},
		{"NULL", "INTEGER", "NULL"},
		{"[1, NULL, 3]", "INTEGER[]", "[1 NULL 3]"},
		{"[]::VARCHAR[]", "VARCHAR[]", "[]"},
		{"[[1], NULL, [2, 3]]", "INTEGER[][]", "[[1] NULL [2 3]]"},
		{"array_value(1, 2)", "INTEGER[2]", "[1 2]"},
		{"{'a': 1, 'b c': 'x'}", `STRUCT("a" INTEGER, "b c" VARCHAR)`, "{a:1 b c:x}"},
		{"MAP {'k': 1, 'l': NULL}", "MAP(VARCHAR, INTEGER)", "[{key:k value:1} {key:l value:NULL}]"},
		{"union_value(num := 2)::UNION(num INTEGER, str VARCHAR)", `UNION("num" INTEGER, "str" VARCHAR)`, "num=2"},
		{"[{'a': [DATE '1970-01-02']}]", `STRUCT("a" DATE[])[]`, "[{a:[1]}]"},
	} {
		rows, err := c.Query(t.Context(), "SELECT "+tc.sql+" FROM range(3)")
		if err != nil {
			t.Errorf("%s: %v", tc.sql, err)
			continue
		}
		n, err := rows.Next()
		if err != nil || n != 3 {
			t.Fatalf("%s: %d %v", tc.sql, n, err)
		}
		if got := rows.Columns()[0].Type.String(); got != tc.typ {
			t.Errorf("%s: type %s, want %s", tc.sql, got, tc.typ)
		}
		for i := range n {
			if got := show(rows.Column(0), i); got != tc.want {
				t.Errorf("%s, row %d: %q, want %q", tc.sql, i, got, tc.want)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Vectors that DuckDB keeps as dictionaries or constants inside nested ones come out right.
func TestManyChunks(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	rows, err := c.Query(t.Context(), `SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'v' || (i % 7) END s,
		[x, x] l, {'k': x, 'c': 'const', 'n': i} st FROM (SELECT range i, ['p','q'][1 + (range % 2)] x FROM range(10000)) WHERE i % 2 = 0 OR i % 5 = 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for {
		n, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for i := range n {
			id := rows.Column(0).Int(i)
			x := []string{"p", "q"}[id%2]
			s := fmt.Sprint("v", id%7)
			if id%3 == 0 {
				s = "NULL"
			}
			want := fmt.Sprintf("%s [%s %s] {k:%s c:const n:%d}", s, x, x, x, id)
			if got := show(rows.Column(1), i) + " " + show(rows.Column(2), i) + " " + show(rows.Column(3), i); got != want {
				t.Fatalf("row %d: %s, want %s", id, got, want)
			}
			seen++
		}
	}
	if seen != 6000 {
		t.Errorf("%d rows", seen)
	}
}

// A wrong accessor panics, which a connection recovers from; it never reads foreign memory.
func TestWrongAccessor(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	rows, err := c.Query(t.Context(), "SELECT 1, 'x', [1], 1::DOUBLE")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if _, err := rows.Next(); err != nil {
		t.Fatal(err)
	}
	for i, wrong := range []func(*Vector){
		func(v *Vector) { v.Bytes(0) }, func(v *Vector) { v.Bits128(0) }, func(v *Vector) { v.Int(0) }, func(v *Vector) { v.Entry(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d did not panic", i)
				}
			}()
			wrong(rows.Column(i))
		}()
	}
}

func TestParameters(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	huge, _ := new(big.Int).SetString("-99999999999999999999999999999999999999", 10)
	for _, tc := range []struct {
		value     any
		typ, want string
	}{
		{nil, "INTEGER", "NULL"},
		{true, "BOOLEAN", "true"},
		{int64(-5), "BIGINT", "-5"},
		{uint64(1<<64 - 1), "UBIGINT", "18446744073709551615"},
		{1.25, "DOUBLE", "1.25"},
		{"a'\x00é", "VARCHAR", "a'\x00é"},
		{"", "VARCHAR", ""},
		{[]byte{0, 255}, "BLOB", "00ff"},
		{[]byte{}, "BLOB", ""},
		{DateValue(-1), "DATE", "-1"},
		{TimeValue(1), "TIME", "1"},
		{TimestampValue(-1), "TIMESTAMP", "-1"},
		{InstantValue(7), "TIMESTAMP WITH TIME ZONE", "7"},
		{IntervalValue{1, 2, 3}, "INTERVAL", "{1 2 3}"},
		{UUIDValue{0xff, 1}, "UUID", "ff010000000000000000000000000000"},
		{DecimalValue{huge, 2}, "DECIMAL(38,2)", huge.String()},
		{[]any{int64(1), nil, int64(3)}, "BIGINT[]", "[1 NULL 3]"},
		{[]any{}, "VARCHAR[]", "[]"},
		{[]any{"a", "b"}, "VARCHAR[]", "[a b]"},
		{[]any{DecimalValue{big.NewInt(5), 1}}, "DECIMAL(38,1)[]", "[5]"},
		{[]any{[]any{int64(1)}}, "BIGINT[][]", "[[1]]"},
	} {
		rows, err := c.Query(t.Context(), "SELECT CAST($1 AS "+tc.typ+")", tc.value)
		if err != nil {
			t.Errorf("%v: %v", tc.value, err)
			continue
		}
		if n, err := rows.Next(); n != 1 || err != nil {
			t.Errorf("%v: %d %v", tc.value, n, err)
		} else if got := show(rows.Column(0), 0); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.value, got, tc.want)
		}
		rows.Close()
	}
	for _, bad := range []any{"\xff", DecimalValue{new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil), 0}, DecimalValue{}, struct{}{}, []any{"\xff"}} {
		if _, err := c.Query(t.Context(), "SELECT $1", bad); err == nil {
			t.Errorf("%v was bound", bad)
		}
	}
	if s, err := c.Prepare("SELECT $1 + $2"); err != nil || !s.Unresolved() {
		t.Errorf("%v", err)
	} else if err := s.Close(); err != nil {
		t.Error(err)
	}
	s, err := c.Prepare("SELECT $1::INTEGER + $2::INTEGER")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Params() != 2 || s.ParamType(0).ID != Integer || s.Unresolved() {
		t.Error(s.Params(), s.ParamType(0), s.Unresolved())
	}
	if err := s.Bind("1"); err == nil {
		t.Error("too few parameters were bound")
	}
}
