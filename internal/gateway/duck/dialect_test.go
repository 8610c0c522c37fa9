package duck

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	dialect "stead/dialect/duckdb"
	"stead/policy/eval"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

// The printer is held against the interpreter here, where DuckDB is.

const hashKey = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"

func keyOf(string) (string, error) { return hashKey, nil }

// bare is a connection of an engine whose configuration is open.
func bare(t *testing.T, statements ...string) *Conn {
	t.Helper()
	l, err := openLibrary(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	k, err := l.connect()
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{link: k}
	t.Cleanup(func() { c.Close(); l.close() })
	for _, sql := range statements {
		if err := c.run(t.Context(), sql, anyKind); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return c
}

// fill makes table t of generated rows, with the row's number in column n.
func fill(t *testing.T, c *Conn, g *gen.Gen, cols []expr.Column, rows int, collate string) []map[string]expr.Value {
	t.Helper()
	defs := []string{"n INTEGER"}
	for _, col := range cols {
		name, err := dialect.TypeName(col.Typ)
		if err != nil {
			t.Fatal(err)
		}
		if col.Typ.Kind == expr.Text {
			name += collate
		}
		defs = append(defs, dialect.Quote(col.Name)+" "+name)
	}
	if err := c.run(t.Context(), "CREATE TABLE t ("+strings.Join(defs, ", ")+")", anyKind); err != nil {
		t.Fatal(err)
	}
	var out []map[string]expr.Value
	for n := range rows {
		row := g.Row(cols)
		vals := []string{strconv.Itoa(n)}
		for _, col := range cols {
			s, err := dialect.Literal(row[col.Name], col.Typ)
			if err != nil {
				t.Fatal(err)
			}
			vals = append(vals, s)
		}
		if err := c.run(t.Context(), "INSERT INTO t VALUES ("+strings.Join(vals, ", ")+")", anyKind); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// valueAt reads a result as a value of the language.
func valueAt(v *Vector, i int, t expr.Type) expr.Value {
	if v.Null(i) {
		return expr.Null
	}
	out := expr.Value{Kind: t.Kind, Valid: true}
	switch t.Kind {
	case expr.Bool:
		out.Bool = v.Bool(i)
	case expr.Int, expr.Date, expr.Time, expr.Timestamp, expr.Instant:
		out.Int = v.Big(i).Int64()
	case expr.Decimal:
		out.Dec, out.Scale = v.Big(i), int(v.Type.Scale)
	case expr.Float:
		out.Float = v.Float64(i)
	case expr.Text, expr.JSON:
		out.Text = v.Text(i)
	case expr.Binary:
		out.Bytes = bytes.Clone(v.Bytes(i))
	case expr.UUID:
		u := v.UUID(i)
		out.Text = fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
	case expr.Array:
		off, n := v.Entry(i)
		for k := range n {
			out.Items = append(out.Items, valueAt(v.Child(0), off+k, *t.Elem))
		}
	}
	return out
}

func equal(a, b expr.Value) bool {
	if !a.Valid || !b.Valid {
		return a.Valid == b.Valid
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case expr.Decimal:
		x := new(big.Rat).SetFrac(a.Dec, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Scale)), nil))
		y := new(big.Rat).SetFrac(b.Dec, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(b.Scale)), nil))
		return x.Cmp(y) == 0
	case expr.Float:
		return a.Float == b.Float || math.IsNaN(a.Float) && math.IsNaN(b.Float)
	case expr.Array:
		if len(a.Items) != len(b.Items) {
			return false
		}
		for i := range a.Items {
			if !equal(a.Items[i], b.Items[i]) {
				return false
			}
		}
		return true
	default:
		return a.Bool == b.Bool && a.Int == b.Int && a.Text == b.Text && bytes.Equal(a.Bytes, b.Bytes)
	}
}

// agree runs one expression over the table and compares every row.
func agree(t *testing.T, c *Conn, p dialect.Printer, n expr.Node, rows []map[string]expr.Value, from string) {
	t.Helper()
	sql, err := p.Expr(n)
	if err != nil {
		t.Errorf("%s: not printed: %v", expr.Print(n), err)
		return
	}
	r, err := c.Query(t.Context(), "SELECT n, "+sql+" FROM "+from)
	if err != nil {
		t.Errorf("%s\n%s\n%v", expr.Print(n), sql, err)
		return
	}
	defer r.Close()
	seen := 0
	for {
		k, err := r.Next()
		if err != nil {
			t.Errorf("%s\n%s\n%v", expr.Print(n), sql, err)
			return
		}
		if k == 0 {
			break
		}
		for i := range k {
			row := rows[r.Column(0).Int(i)]
			seen++
			want, err := eval.Eval(n, func(name string) expr.Value { return row[name] }, eval.Env{Key: keyOf})
			if err != nil {
				t.Fatalf("%s: %v", expr.Print(n), err)
			}
			if got := valueAt(r.Column(1), i, n.Type()); !equal(got, want) {
				t.Errorf("%s\n%s\nrow %d: got %+v, want %+v", expr.Print(n), sql, r.Column(0).Int(i), got, want)
				return
			}
		}
	}
	if seen != len(rows) {
		t.Errorf("%s: %d rows", expr.Print(n), seen)
	}
}

func expressions(g *gen.Gen, cols []expr.Column, i int) expr.Node {
	if i%2 == 0 {
		return g.Bool(cols)
	}
	return g.Of(cols[i/2%len(cols)].Typ, cols)
}

// cases is how many expressions each run takes; STEAD_PRINTER_CASES asks for more.
func cases(t *testing.T) int {
	if s := os.Getenv("STEAD_PRINTER_CASES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 300
}

func runCases(t *testing.T, c *Conn, p dialect.Printer, seed uint64, count int, collate string, parquet bool, used map[expr.Func]bool) {
	t.Helper()
	g := gen.New(seed)
	cols := gen.Columns()
	rows := fill(t, c, g, cols, 40, collate)
	from := "t"
	if parquet {
		from = "'" + filepath.Join(t.TempDir(), "t.parquet") + "'"
		if err := c.run(t.Context(), "COPY t TO "+from, anyKind); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		n := expressions(g, cols, i)
		expr.Walk(n, func(n expr.Node) bool {
			if call, ok := n.(expr.Call); ok {
				used[call.Func] = true
			}
			return true
		})
		if agree(t, c, p, n, rows, from); t.Failed() && i > 40 {
			t.Fatalf("after %d expressions", i)
		}
	}
}

func TestPrinterAgreesWithInterpreter(t *testing.T) {
	used := map[expr.Func]bool{}
	for i, plain := range []bool{false, true} {
		for j, parquet := range []bool{false, true} {
			t.Run(fmt.Sprintf("plain=%v,parquet=%v", plain, parquet), func(t *testing.T) {
				c := bare(t, "SET disabled_optimizers = 'statistics_propagation'")
				runCases(t, c, dialect.Printer{Key: keyOf, PlainText: plain}, uint64(7+2*i+j), cases(t), "", parquet, used)
			})
		}
	}
	for _, f := range expr.Functions() {
		if !used[f] {
			t.Errorf("no expression used %s", f)
		}
	}
}

// Nothing that a session could set or create changes what is printed.
func TestPrinterUnderHostileSettings(t *testing.T) {
	hostile := []string{
		"SET TimeZone = 'America/New_York'", "SET Calendar = 'buddhist'", "SET default_collation = 'NOCASE.NOACCENT'",
		"SET integer_division = true", "SET old_implicit_casting = true", "SET ieee_floating_point_ops = false",
		"SET default_order = 'DESC'", "SET preserve_identifier_case = false",
	}
	for _, f := range []string{"lower", "upper", "sha256", "encode", "decode", "length", "strlen", "trim", "substr", "replace", "hex", "unhex",
		"+", "-", "*", "//", "%", "||", "date_part", "date_trunc", "strftime", "epoch_us", "make_timestamp", "make_timestamptz", "list_contains",
		"list_value", "regexp_matches", "regexp_replace", "like_escape", "translate", "contains", "instr", "floor", "round", "isnan", "isfinite", "abs"} {
		hostile = append(hostile, "CREATE MACRO "+dialect.Quote(f)+"(a) AS 42, (a, b) AS 42, (a, b, c) AS 42")
	}
	c := bare(t, hostile...)
	if got := texts(t, c, `SELECT CAST(lower('a') AS VARCHAR)`); got != "42" {
		t.Fatalf("the macros are not there: %s", got)
	}
	runCases(t, c, dialect.Printer{Key: keyOf}, 11, cases(t), ` COLLATE NOCASE`, false, map[expr.Func]bool{})
}
