package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
	"stead/policy/expr"
)

// scanTypes are the columns of the scanned table: benign where region is EU, hostile elsewhere.
var scanTypes = []struct {
	name, native string
	typ          expr.Type
	kind         rune
	benign       string
	hostile      []string
}{
	{"s", "VARCHAR", expr.TextType, 't', "'ab' || (i % 7)", []string{"'x('", "'['", `'trailing \'`, "''", "'%'", "repeat('z', 900)", "'😀é'",
		"'999999999999999999999999'", "'-'", "'NaN'", "chr(1)", "'2020-13-45'", "chr(0) || 'a'", `'\x'`, "'{'", "NULL"}},
	{"w", "VARCHAR", expr.TextType, 't', "'cd'", []string{"')'", "'*'", "'?'", "'_%'", `'\'`, "'infinity'", "NULL"}},
	{"k", "SMALLINT", expr.Type{Kind: expr.Int, Bits: 16}, 'i', "i % 9", []string{"-32768", "32767", "0", "NULL"}},
	{"i", "INTEGER", expr.Type{Kind: expr.Int, Bits: 32}, 'i', "i % 11 + 1", []string{"-2147483648", "2147483647", "0", "-1", "NULL"}},
	{"n", "BIGINT", expr.IntType, 'i', "i", []string{"-9223372036854775808", "9223372036854775807", "0", "-1", "NULL"}},
	{"d", "DECIMAL(18,3)", expr.DecimalType(18, 3), 'd', "i", []string{"999999999999999.999", "-999999999999999.999", "0", "NULL"}},
	{"e", "DECIMAL(38,10)", expr.DecimalType(38, 10), 'd', "i", []string{"9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "0", "NULL"}},
	{"f", "DOUBLE", expr.Type{Kind: expr.Float}, 'f', "i / 2", []string{"'NaN'", "'Infinity'", "'-Infinity'", "1.7e308", "-1.7e308", "5e-324", "0", "NULL"}},
	{"g", "FLOAT", expr.Type{Kind: expr.Float, Bits: 32}, 'f', "i / 2", []string{"'NaN'", "'Infinity'", "3.4e38", "-3.4e38", "0", "NULL"}},
	{"b", "BOOLEAN", expr.BoolType, 'b', "i % 2 = 0", []string{"true", "false", "NULL"}},
	{"dt", "DATE", expr.DateType, 'D', "DATE '2020-01-01' + CAST(i % 300 AS INTEGER)", []string{"'infinity'", "'-infinity'", "'5881580-07-10'", "'5877642-06-25 (BC)'", "'0001-01-01'", "NULL"}},
	{"ts", "TIMESTAMP", expr.TimestampType, 'W', "TIMESTAMP '2020-01-01' + to_minutes(i)", []string{"'infinity'", "'-infinity'", "'294247-01-10 04:00:54.775806'", "'290309-12-22 (BC) 00:00:00'", "NULL"}},
	{"tz", "TIMESTAMPTZ", expr.InstantType, 'Z', "TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_minutes(i)", []string{"'infinity'", "'-infinity'", "'294247-01-10 04:00:54.775806+00'", "NULL"}},
	{"tm", "TIME", expr.Type{Kind: expr.Time}, 'T', "TIME '10:00:00'", []string{"'24:00:00'", "'00:00:00'", "NULL"}},
	{"u", "UUID", expr.Type{Kind: expr.UUID}, 'u', "'00000000-0000-0000-0000-000000000001'", []string{"'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'00000000-0000-0000-0000-000000000000'", "NULL"}},
	{"x", "BLOB", expr.Type{Kind: expr.Binary}, 'x', "'ab'", []string{`'\xFF\x00'`, "''", "NULL"}},
}

func scanSQL(rows int) string {
	var b strings.Builder
	b.WriteString("SELECT i AS id, CASE i % 5 WHEN 0 THEN 'EU' WHEN 1 THEN 'AP' ELSE 'US' END AS region, CAST(i % 10 AS INTEGER) AS tenant")
	for _, c := range scanTypes {
		fmt.Fprintf(&b, ", CASE WHEN i %% 5 = 0 THEN CAST(%s AS %s) ELSE CASE (i // 5) %% %d", c.benign, c.native, len(c.hostile))
		for k, h := range c.hostile {
			fmt.Fprintf(&b, " WHEN %d THEN CAST(%s AS %s)", k, h, c.native)
		}
		fmt.Fprintf(&b, " END END AS %s", c.name)
	}
	fmt.Fprintf(&b, " FROM range(0, %d) r(i)", rows)
	return b.String()
}

// policies are the forms of a row rule; all show the rows where region is EU.
var policies = []string{"{region} = 'EU'", "{region} IN ('EU', 'XX')", "({region} = 'EU' OR {tenant} = 77)",
	"({tenant} = 0 OR {tenant} = 5)", "(coalesce({region}, '') = 'EU')"}

// scanWorlds has the same table t in Parquet files and in a database file, and v with
// the visible rows alone.
func scanWorlds(t *testing.T) map[string]*world {
	rows := 8_000
	if full {
		rows = 300_000
	}
	dir := t.TempDir()
	folder, file := filepath.Join(dir, "f"), filepath.Join(dir, "x.duckdb")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	visible := " WHERE region = 'EU'"
	makeFiles(t, folder, "CREATE TABLE t AS "+scanSQL(rows), "COPY t TO '$dir/t.parquet'", "COPY (FROM t"+visible+") TO '$dir/v.parquet'",
		"ATTACH '"+file+"' AS x", "CREATE TABLE x.main.t AS FROM t", "CREATE TABLE x.main.v AS FROM t"+visible, "DETACH x")
	return map[string]*world{"parquet": openScan(t, folder, ".parquet", ""), "native": openScan(t, file, "", "main.")}
}

func openScan(t *testing.T, address, suffix, prefix string) *world {
	columns := []stead.Column{column("id", expr.IntType), column("region", expr.TextType), column("tenant", expr.Type{Kind: expr.Int, Bits: 32})}
	for _, c := range scanTypes {
		columns = append(columns, column(c.name, c.typ))
	}
	w := &world{tables: map[string]*table{}}
	for i, name := range []string{"t", "v"} {
		w.tables[name] = &table{rows: always, source: stead.DataSource{ID: stead.SourceID(i + 1), Path: []string{"public", name},
			Location: prefix + name + suffix, Columns: columns}}
	}
	w.open(t, duck.Config{Address: address, TempDir: t.TempDir()})
	return w
}

// scan runs one expression in the WHERE and the SELECT of a statement through the
// governed table and reports the tier and whether it failed.
func (w *world) scan(policy, sql string) (rewrite.Tier, error) {
	w.tables["t"].rows = rule(policy)
	p, err := w.plan(sql)
	if err != nil {
		return rewrite.NoTier, nil
	}
	_, err = w.drain(p)
	return p.Tier, err
}

// drain runs a plan and counts its rows without looking at them.
func (w *world) drain(p *rewrite.Plan) (int, error) {
	ctx := context.Background()
	c, err := w.engine.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for _, cp := range p.Copies {
		if _, err := c.Exec(ctx, cp.Fill); err != nil {
			return 0, fmt.Errorf("filling a copy: %w", err)
		}
	}
	rs, err := c.Query(ctx, p.SQL)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	for total := 0; ; {
		n, err := rs.Next()
		if n == 0 || err != nil {
			return total, err
		}
		total += n
	}
}

// pool are expressions of each kind.
func pool(kind rune) []string {
	switch kind {
	case 'h':
		return []string{"CAST(n AS HUGEINT)"}
	case 'l':
		return []string{"'a%'"}
	case 'm':
		return []string{"d"}
	case 'n':
		return []string{"n", "f", "d"}
	case 'y':
		return []string{"s", "n", "d", "f", "b", "dt", "ts", "u"}
	}
	var out []string
	for _, c := range scanTypes {
		if c.kind == kind {
			out = append(out, c.name)
		}
	}
	if kind == 't' {
		out = append(out, "'a_'")
	}
	return out
}

func combine(pools [][]string) [][]string {
	out := [][]string{nil}
	for _, p := range pools {
		var next [][]string
		for _, head := range out {
			for _, e := range p {
				next = append(next, append(append([]string{}, head...), e))
			}
		}
		out = next
	}
	return out
}

// call spells a listed function with its arguments as a whole SELECT.
func call(class, name string, args []string) []string {
	e := name + "(" + strings.Join(args, ", ") + ")"
	switch {
	case name == "count_star":
		e = "count(*)"
	case name == "position":
		e = "position(" + args[0] + " IN " + args[1] + ")"
	case !isName(name) && len(args) == 2:
		e = "(" + args[0] + " " + name + " " + args[1] + ")"
	case !isName(name):
		e = "(" + name + " " + args[0] + ")"
	}
	switch class {
	case "aggregate":
		return []string{"SELECT region, " + e + " FROM t GROUP BY region", "SELECT " + e + " OVER (PARTITION BY region) FROM t"}
	case "window":
		return []string{"SELECT " + e + " OVER (PARTITION BY tenant ORDER BY id) FROM t"}
	}
	return []string{"SELECT id FROM t WHERE " + e + " IS NOT NULL", "SELECT " + e + ", count(*) FROM t GROUP BY 1"}
}

func isName(s string) bool { return s[0] == '_' || s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z' }

// prove fails the test when a statement that is planned plain fails on any row,
// shown or not: what is total fails on none.
func prove(t *testing.T, worlds map[string]*world, policy, sql string, listed bool) bool {
	t.Helper()
	for storage, w := range worlds {
		tier, err := w.scan(policy, sql)
		if tier != rewrite.Plain {
			if listed {
				t.Errorf("%s is listed as total, but planned %v: %v", sql, tier, err)
			}
			return false
		}
		if err != nil {
			t.Errorf("plain on %s under %s fails: %s: %v", storage, policy, sql, err)
		}
		w.tables["t"].rows = always
		p, err := w.plan(sql)
		if err == nil {
			_, err = w.drain(p)
		}
		if err != nil {
			t.Errorf("not total on %s: %s: %v", storage, sql, err)
		}
	}
	return true
}

// TestThrowListed runs every proved signature of functions.txt over every hostile value.
func TestThrowListed(t *testing.T) {
	worlds := scanWorlds(t)
	n := 0
	worlds["parquet"].rewriter.Signatures(func(class, name string, args []rune, variadic bool) {
		var pools [][]string
		for _, a := range args {
			pools = append(pools, pool(a))
		}
		if variadic {
			pools = append(pools, pools[len(pools)-1][:1])
		}
		for i, c := range combine(pools) {
			if !full && i >= 3 {
				break
			}
			for _, sql := range call(class, name, c) {
				n++
				prove(t, worlds, policies[n%len(policies)], sql, true)
			}
		}
	})
	t.Logf("%d statements", n)
}

// TestThrowTyped does the same for what is judged by types: comparisons, IN, BETWEEN, casts, CASE.
func TestThrowTyped(t *testing.T) {
	worlds := scanWorlds(t)
	var operands []string
	for _, c := range scanTypes {
		operands = append(operands, c.name)
	}
	literals := []string{"'a'", "5", "2.5", "1e300", "'2020-01-01'", "DATE '2020-01-01'", "TIMESTAMP '2020-01-01 10:00:00'", "true", "NULL", "99999999999",
		"'12'", "'-7'", "-1.00000001", "123456789012345678901234567890", "'00000000-0000-0000-0000-000000000001'", "'t'", "'32768'", "0.00000000000000000000000000001", "'infinity'"}
	plain, n := 0, 0
	try := func(e string) {
		n++
		if !full && n%4 != 0 {
			return
		}
		if prove(t, worlds, policies[n%len(policies)], "SELECT id FROM t WHERE "+e+" IS NOT NULL", false) {
			plain++
		}
	}
	for i, a := range operands {
		for k, b := range append(append([]string{}, operands[i:]...), literals...) {
			op := []string{"=", "<", ">=", "<>", "IS DISTINCT FROM"}[k%5]
			try("(" + a + " " + op + " " + b + ")")
			if k%3 == 0 || full {
				try("(" + a + " IN (" + b + ", " + b + "))")
				try("(" + a + " BETWEEN " + b + " AND " + literals[(k+n)%len(literals)] + ")")
				try("coalesce(" + a + ", " + b + ")")
				try("(CASE WHEN b THEN " + a + " ELSE " + b + " END)")
				try("nullif(" + a + ", " + b + ")")
			}
		}
		for _, typ := range []string{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)",
			"DECIMAL(38,10)", "DECIMAL(21,3)", "VARCHAR", "BLOB", "BIT", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON", "VARCHAR[]"} {
			try("CAST(" + a + " AS " + typ + ")")
		}
	}
	t.Logf("%d of %d are plain", plain, n)
	if plain < n/60 {
		t.Error("hardly anything was judged total: the scan is blind")
	}
}

// TestThrowScan calls every function DuckDB offers with the columns of the table: what is
// refused is refused, what is plain is total, and what runs over copies fails only where
// it fails on the visible rows alone.
func TestThrowScan(t *testing.T) {
	worlds := scanWorlds(t)
	expressions := offered(t)
	tiers := map[rewrite.Tier]int{}
	for i, e := range expressions {
		if !full && i%37 != 0 {
			continue
		}
		policy := policies[i%len(policies)]
		storage := []string{"parquet", "native"}[i%2]
		w := worlds[storage]
		sql := "SELECT count(*) FROM t WHERE " + e + " IS NOT NULL"
		tier, err := w.scan(policy, sql)
		tiers[tier]++
		if tier == rewrite.Plain && err != nil {
			t.Errorf("plain fails: %s: %v", sql, err)
		}
		if tier != rewrite.Copied || err == nil {
			continue
		}
		if err := mustBeEngine(err); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		p, planErr := w.plan(strings.Replace(sql, "FROM t", "FROM v", 1))
		if planErr != nil {
			t.Fatal(planErr)
		}
		if _, visibleErr := w.drain(p); visibleErr == nil {
			t.Errorf("fails on hidden rows only, %s under %s: %s: %v", storage, policy, sql, err)
		}
	}
	t.Logf("%d expressions: %v", len(expressions), tiers)
	if len(expressions) < 1000 || tiers[rewrite.Copied] == 0 {
		t.Error("the scan is blind")
	}
}

func mustBeEngine(err error) error {
	var engine *duck.Error
	if errors.As(err, &engine) {
		return nil
	}
	return err
}
