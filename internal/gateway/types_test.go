package gateway

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"stead/internal/gateway/wiretest"
)

// typeCases pairs an expression of the engine with the text PostgreSQL would print for it.
var typeCases = []struct{ sql, text string }{
	{"true", "t"}, {"false", "f"},
	{"1::tinyint", "1"}, {"(-32768)::smallint", "-32768"}, {"2147483647::int", "2147483647"}, {"(-9223372036854775808)::bigint", "-9223372036854775808"},
	{"255::utinyint", "255"}, {"65535::usmallint", "65535"}, {"4294967295::uinteger", "4294967295"}, {"18446744073709551615::ubigint", "18446744073709551615"},
	{"-170141183460469231731687303715884105727::hugeint", "-170141183460469231731687303715884105727"},
	{"0::decimal(10,2)", "0.00"}, {"-0.05::decimal(10,2)", "-0.05"}, {"12345678.9::decimal(18,4)", "12345678.9000"}, {"10000::decimal(9,0)", "10000"},
	{"99999999999999999999999999999999999.999::decimal(38,3)", "99999999999999999999999999999999999.999"}, {"0.00001::decimal(20,10)", "0.0000100000"},
	{"1.5::float", "1.5"}, {"1e6::float", "1e+06"}, {"0.1::double", "0.1"}, {"1e15::double", "1e+15"}, {"123456789012345::double", "123456789012345"},
	{"1e-5::double", "1e-05"}, {"'nan'::double", "NaN"}, {"'-inf'::double", "-Infinity"}, {"-0.0::double", "-0"},
	{"'häß\n'", "häß\n"}, {"''", ""}, {"'\\x00\\xff'::blob", "\\x00ff"},
	{"date '2024-02-29'", "2024-02-29"}, {"date '0044-03-15 (BC)'", "0044-03-15 BC"}, {"date '10000-01-01'", "10000-01-01"}, {"'infinity'::date", "infinity"},
	{"time '04:05:06.789'", "04:05:06.789"}, {"timestamp '2024-01-02 03:04:05.000001'", "2024-01-02 03:04:05.000001"},
	{"timestamp '1969-12-31 23:59:59.5'", "1969-12-31 23:59:59.5"}, {"'-infinity'::timestamp", "-infinity"},
	{"timestamptz '2024-01-02 03:04:05+02'", "2024-01-02 01:04:05+00"}, {"timestamp_ns '2024-01-02 03:04:05.123456789'", "2024-01-02 03:04:05.123456"},
	{"timestamp_s '2024-01-02 03:04:05'", "2024-01-02 03:04:05"}, {"timestamp_ms '2024-01-02 03:04:05.5'", "2024-01-02 03:04:05.5"},
	{"interval '14 months -3 days 04:05:06.5'", "1 year 2 mons -3 days 04:05:06.5"}, {"interval '0 seconds'", "00:00:00"}, {"-interval '90 minutes'", "-01:30:00"},
	{"uuid '550e8400-e29b-41d4-a716-446655440000'", "550e8400-e29b-41d4-a716-446655440000"},
	{"'b'::enum('a','b')", "b"}, {"[1,null,3]::int[]", "{1,NULL,3}"}, {"['a b','c\"d','','null', 'e,f']", `{"a b","c\"d","","null","e,f"}`}, {"[]::int[]", "{}"},
	{"[1,2]::int[2]", "{1,2}"}, {"{'a': 1, 'b': ['x', null]}", `{"a":1,"b":["x",null]}`}, {"map {'k': 1.5::double}", `{"k":1.5}`}, {"[[1],[2,3]]", "[[1],[2,3]]"},
	{"{'t': timestamp '2024-01-02 03:04:05', 's': 'q\"'}", `{"t":"2024-01-02 03:04:05","s":"q\""}`}, {"'0101'::bit", "0101"},
}

// TestTypesInText compares every type's text with what PostgreSQL prints, and its NULL.
func TestTypesInText(t *testing.T) {
	c := startServer(t, nil).raw(t, "")
	for _, k := range typeCases {
		got, err := wiretest.Ask(t, c, "select x, case when false then x end from (select "+k.sql+" as x)")
		if want := k.text + "|NULL [SELECT 1]"; err != nil || got != want {
			t.Errorf("%s: got %q (%v), want %q", k.sql, got, err, want)
		}
	}
}

// TestTypesInBinary reads every type in binary through a client that knows PostgreSQL's forms and
// compares its text, as the client prints it, with the text format's.
func TestTypesInBinary(t *testing.T) {
	c := startServer(t, nil).connect(t, "")
	for _, k := range typeCases {
		rows, err := c.Query(t.Context(), "select "+k.sql+", null::int", pgx.QueryResultFormats{pgx.BinaryFormatCode})
		if err != nil {
			t.Errorf("%s: %v", k.sql, err)
			continue
		}
		for rows.Next() {
			f := rows.FieldDescriptions()[0]
			if f.DataTypeOID == pgtype.JSONOID {
				if got := string(rows.RawValues()[0]); got != k.text {
					t.Errorf("%s: %q", k.sql, got)
				}
				continue
			}
			typ, ok := c.TypeMap().TypeForOID(f.DataTypeOID)
			if !ok {
				t.Errorf("%s: the client does not know OID %d", k.sql, f.DataTypeOID)
				continue
			}
			v, err := typ.Codec.DecodeValue(c.TypeMap(), f.DataTypeOID, pgx.BinaryFormatCode, rows.RawValues()[0])
			if err != nil {
				t.Errorf("%s: %v", k.sql, err)
				continue
			}
			back, err := c.TypeMap().Encode(f.DataTypeOID, pgx.TextFormatCode, v, nil)
			if err != nil {
				t.Errorf("%s: %v", k.sql, err)
				continue
			}
			if norm := normal(string(back)); norm != normal(k.text) && !sameNumber(norm, normal(k.text)) {
				t.Errorf("%s: binary reads as %q, text is %q", k.sql, back, k.text)
			}
		}
		if rows.Err() != nil {
			t.Errorf("%s: %v", k.sql, rows.Err())
		}
	}
}

// normal removes what the client prints in its own way.
func normal(s string) string {
	for _, zero := range []string{"Z", "+00", " 00:00:00"} {
		s = strings.TrimSuffix(s, zero)
	}
	s = strings.NewReplacer("true", "t", "false", "f", "1 year 2 mons", "14 mon", "-3 days", "-3 day", "-infinity", "-Inf", "-Infinity", "-Inf", "infinity", "Infinity", " BC", "", "0044", "-043").Replace(s)
	if strings.HasPrefix(s, "14 mon") || strings.Contains(s, ":") || strings.Contains(s, "{") {
		s = strings.NewReplacer("789000", "789", "500000", "5", "\"", "").Replace(s)
	}
	return strings.TrimPrefix(s, "0 mon 0 day ")
}

func sameNumber(a, b string) bool {
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok1 && ok2 && x.Cmp(y) == 0
}

// TestParameters sends every type of parameter in both formats and compares what the engine got.
func TestParameters(t *testing.T) {
	raw := startServer(t, nil).raw(t, "")
	types := pgtype.NewMap()
	for _, k := range []struct {
		oid   uint32
		value any
		want  string
	}{
		{pgtype.BoolOID, true, "true"}, {pgtype.Int2OID, int16(-5), "-5"}, {pgtype.Int4OID, int32(7), "7"}, {pgtype.Int8OID, int64(-1 << 62), "-4611686018427387904"},
		{pgtype.Float4OID, float32(1.5), "1.5"}, {pgtype.Float8OID, 2.25, "2.25"}, {pgtype.TextOID, "a'b", "a'b"}, {pgtype.ByteaOID, []byte{0, 255}, `\x00\xFF`},
		{pgtype.NumericOID, pgtype.Numeric{Int: big.NewInt(-1234567), Exp: -3, Valid: true}, "-1234.567"},
		{pgtype.NumericOID, pgtype.Numeric{Int: big.NewInt(5), Exp: 6, Valid: true}, "5000000"},
		{pgtype.DateOID, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "2024-02-29"},
		{pgtype.DateOID, time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), "0044-03-15 (BC)"},
		{pgtype.TimeOID, pgtype.Time{Microseconds: 3723000004, Valid: true}, "01:02:03.000004"},
		{pgtype.TimestampOID, time.Date(1924, 2, 29, 1, 2, 3, 4000, time.UTC), "1924-02-29 01:02:03.000004"},
		{pgtype.TimestamptzOID, time.Date(2024, 2, 29, 1, 2, 3, 0, time.FixedZone("", 7200)), "2024-02-28 23:02:03+00"},
		{pgtype.UUIDOID, [16]byte{0x55, 0x0e}, "550e0000-0000-0000-0000-000000000000"}, {pgtype.Int4ArrayOID, []int32{1, 2}, "[1, 2]"},
		{pgtype.TextArrayOID, []string{"a,b", `c"d\`, ""}, `['a,b', 'c"d\\', '']`},
		{pgtype.IntervalOID, pgtype.Interval{Months: 1, Days: 2, Microseconds: 3000000, Valid: true}, "1 month 2 days 00:00:03"},
		{pgtype.JSONOID, map[string]int{"a": 1}, `{"a":1}`}, {pgtype.JSONBOID, map[string]int{"a": 1}, `{"a":1}`},
	} {
		for _, format := range []int16{0, 1} {
			b, err := types.Encode(k.oid, format, k.value, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := raw.ExecParams(t.Context(), "select $1::varchar, $2::varchar is null", [][]byte{b, nil}, []uint32{k.oid, k.oid}, []int16{format}, nil).Read()
			if r.Err != nil || string(r.Rows[0][0]) != k.want || string(r.Rows[0][1]) != "t" {
				t.Errorf("OID %d format %d: got %q, %v; want %q", k.oid, format, r.Rows, r.Err, k.want)
			}
		}
	}
}

func TestBadParameters(t *testing.T) {
	raw := startServer(t, nil).raw(t, "")
	for _, k := range []struct {
		cast, value, state string
		oid                uint32
	}{
		{"integer", "x", "22P02", 23}, {"integer", "2147483648", "22P02", 23}, {"date", "2024-02-30", "22P02", 1082}, {"date", "2024-13-01", "22P02", 1082},
		{"boolean", "maybe", "22P02", 16}, {"uuid", "12", "22P02", 2950}, {"blob", "zz", "22P02", 17}, {"integer[]", "{1,{2}}", "22P02", 1007},
		{"integer[]", "{1,", "22P02", 1007}, {"varchar", "\xff", "22021", 25}, {"varchar", "a\x00b", "22021", 25}, {"varchar", "x", "0A000", 600},
	} {
		r := raw.ExecParams(t.Context(), "select $1::"+k.cast, [][]byte{[]byte(k.value)}, []uint32{k.oid}, nil, nil).Read()
		if wiretest.State(r.Err) != k.state {
			t.Errorf("%s %q: %v, want %s", k.cast, k.value, r.Err, k.state)
		}
	}
	if _, err := wiretest.Ask(t, raw, "select 1"); err != nil {
		t.Error("the connection does not go on:", err)
	}
}
