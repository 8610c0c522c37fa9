package duck

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	dialect "stead/dialect/duckdb"
	"stead/policy/expr"
)

func must(t *testing.T, f expr.Func, args ...expr.Node) expr.Node {
	t.Helper()
	c, err := expr.NewCall(f, args...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func native(name, spelling string) expr.Column {
	return expr.Column{Name: name, Typ: dialect.ParseType(spelling)}
}

func decimal(digits string) expr.Literal {
	d, _ := new(big.Int).SetString(digits, 10)
	return expr.Literal{Value: expr.DecimalValue(d, 0), Typ: expr.DecimalType(38, 0)}
}

// Columns of types that only DuckDB has are seen as the language's own types.
func TestNativeTypesInExpressions(t *testing.T) {
	c := bare(t, `CREATE TABLE t AS SELECT 18446744073709551615::UBIGINT u, '99999999999999999999999999999999999999'::HUGEINT h,
		170141183460469231731687303715884105727::HUGEINT far, 'b'::ENUM('z','b') e,
		TIMESTAMP_NS '1969-12-31 23:59:59.9999995' ns, TIMESTAMP_S '2024-01-02 03:04:05' s, TIMESTAMP_MS '2024-01-02 03:04:05.678' ms,
		TIMESTAMPTZ '2024-01-02 03:04:05+02' tz, 'ab  ' ch`)
	u, h, far, e := native("u", "UBIGINT"), native("h", "HUGEINT"), native("far", "HUGEINT"), native("e", "ENUM('z', 'b')")
	ns, s, ms, tz := native("ns", "TIMESTAMP_NS"), native("s", "TIMESTAMP_S"), native("ms", "TIMESTAMP_MS"), native("tz", "TIMESTAMP WITH TIME ZONE")
	ch := expr.Column{Name: "ch", Typ: expr.Type{Kind: expr.Text, Length: 4, Fixed: true}}
	for _, plain := range []bool{false, true} {
		p := dialect.Printer{PlainText: plain}
		for _, tc := range []struct {
			n    expr.Node
			want string
		}{
			{must(t, expr.ToText, u), "18446744073709551615"},
			{must(t, expr.ToText, must(t, expr.Eq, u, decimal("18446744073709551615"))), "true"},
			{must(t, expr.ToText, must(t, expr.Gt, u, expr.IntLit(-1))), "true"},
			{must(t, expr.ToText, must(t, expr.In, u, expr.IntLit(7), decimal("18446744073709551615"))), "true"},
			{must(t, expr.ToText, h), "99999999999999999999999999999999999999"},
			{must(t, expr.ToText, far), "NULL"},
			{must(t, expr.ToText, must(t, expr.Gt, far, expr.IntLit(5))), "NULL"},
			{must(t, expr.ToText, must(t, expr.Not, must(t, expr.Lt, far, expr.IntLit(5)))), "NULL"},
			{must(t, expr.ToText, must(t, expr.IsNull, far)), "true"},
			{must(t, expr.ToText, e), "b"},
			{must(t, expr.ToText, must(t, expr.Lt, e, expr.TextLit("c"))), "true"},
			{must(t, expr.ToText, must(t, expr.In, e, expr.TextLit("not of the enum"), expr.TextLit("b"))), "true"},
			{must(t, expr.Concat, e, ch), "bab"},
			{must(t, expr.ToText, must(t, expr.Eq, ch, expr.TextLit("ab"))), "true"},
			{must(t, expr.ToText, ns), "1969-12-31T23:59:59.999999"},
			{must(t, expr.ToText, s), "2024-01-02T03:04:05.000000"},
			{must(t, expr.ToText, ms), "2024-01-02T03:04:05.678000"},
			{must(t, expr.ToText, must(t, expr.Lt, s, ms)), "true"},
			{must(t, expr.ToText, tz), "2024-01-02T01:04:05.000000Z"},
		} {
			sql, err := p.Expr(tc.n)
			if err != nil {
				t.Errorf("%s: %v", expr.Print(tc.n), err)
				continue
			}
			if got := texts(t, c, "SELECT "+sql+" FROM t"); got != tc.want {
				t.Errorf("%s: %s, want %s\n%s", expr.Print(tc.n), got, tc.want, sql)
			}
		}
	}
}

// A mask has the column's own type whatever it computes, and shows an untouched value
// where it shows the column.
func TestMaskKeepsType(t *testing.T) {
	all := map[string]string{
		"INTEGER": "5", "UBIGINT": "18446744073709551615", "HUGEINT": "170141183460469231731687303715884105727", "DECIMAL(10,2)": "1.50",
		"VARCHAR": "it's", "ENUM('a', 'b')": "b", "TIMESTAMP_NS": "2024-01-02 03:04:05.123456789", "INTERVAL": "1 month",
		"DATE": "2024-01-02", "UUID": "00112233-4455-6677-8899-aabbccddeeff", "JSON": `{"a":1}`, "INTEGER[]": "[1, 2]",
		`STRUCT("a b" INTEGER)`: "{'a b': 1}", "MAP(VARCHAR, INTEGER)": "{k=1}", "BIT": "0101", "INTEGER[2]": "[1, 2]", "TIME WITH TIME ZONE": "01:02:03+02",
	}
	for spelling, value := range all {
		c := bare(t, "CREATE TABLE t AS SELECT CAST('"+strings.ReplaceAll(value, "'", "''")+"' AS "+spelling+") x FROM range(2)")
		x := native("x", spelling)
		for _, show := range []bool{true, false} {
			mask := must(t, expr.If, expr.BoolLit(show), x, expr.NullOf(x.Typ))
			sql, err := dialect.Printer{}.Mask(mask, x.Typ)
			if err != nil {
				t.Errorf("%s: %v", spelling, err)
				continue
			}
			want := "true|true"
			if !show {
				want = "true|false"
			}
			got := texts(t, c, fmt.Sprintf("SELECT DISTINCT CAST(typeof(m) = typeof(x) AS VARCHAR), CAST(m IS NOT DISTINCT FROM x AS VARCHAR) FROM (SELECT x, %s AS m FROM t)", sql))
			if got != want {
				t.Errorf("%s, shown %v: %s\n%s", spelling, show, got, sql)
			}
		}
	}
	// a text that is no label of the enum, a number that the type cannot hold
	c := bare(t, "CREATE TABLE t AS SELECT 'b'::ENUM('a','b') e, 200::UTINYINT n")
	for _, tc := range []struct {
		mask expr.Node
		col  expr.Column
		want string
	}{
		{expr.TextLit("hidden"), native("e", "ENUM('a', 'b')"), "NULL"},
		{expr.TextLit("a"), native("e", "ENUM('a', 'b')"), "a"},
		{must(t, expr.Mul, native("n", "UTINYINT"), expr.IntLit(2)), native("n", "UTINYINT"), "NULL"},
		{must(t, expr.Bucket, native("n", "UTINYINT"), expr.IntLit(90)), native("n", "UTINYINT"), "180"},
	} {
		sql, err := dialect.Printer{}.Mask(tc.mask, tc.col.Typ)
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(t, c, "SELECT CAST("+sql+" AS VARCHAR) FROM t"); got != tc.want {
			t.Errorf("%s: %s, want %s", expr.Print(tc.mask), got, tc.want)
		}
	}
	if _, err := (dialect.Printer{}).Mask(expr.IntLit(1), expr.TextType); err == nil {
		t.Error("a mask of another kind was printed")
	}
}

// Comparing numbers whose common type has more than 38 digits neither fails nor lies.
func TestFarApartNumbers(t *testing.T) {
	c := bare(t, "CREATE TABLE t AS SELECT * FROM (VALUES (1, '99999999999999999999999999999999999999'::DECIMAL(38,0), '0.00000000000000000000000000000000000001'::DECIMAL(38,38)), "+
		"(2, '-99999999999999999999999999999999999999'::DECIMAL(38,0), NULL), (3, NULL, 0.5::DECIMAL(38,38)), (4, 0, 0)) v(n, a, b)")
	a, b := expr.Column{Name: "a", Typ: expr.DecimalType(38, 0)}, expr.Column{Name: "b", Typ: expr.DecimalType(38, 38)}
	for f, want := range map[expr.Func]string{
		expr.Eq: "false NULL NULL true", expr.Ne: "true NULL NULL false", expr.Lt: "false NULL NULL false", expr.Le: "false NULL NULL true",
		expr.Gt: "true NULL NULL false", expr.Ge: "true NULL NULL true", expr.Same: "false false false true",
	} {
		sql, err := dialect.Printer{}.Expr(must(t, expr.ToText, must(t, f, a, b)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(texts(t, c, "SELECT "+sql+" FROM t ORDER BY n"), "\n", " "); got != want {
			t.Errorf("%s: %s, want %s", f, got, want)
		}
	}
	sql, err := dialect.Printer{}.Expr(must(t, expr.ToText, must(t, expr.Lt, b, a)))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(texts(t, c, "SELECT "+sql+" FROM t ORDER BY n"), "\n", " "); got != "true NULL NULL false" {
		t.Error(got)
	}
}
