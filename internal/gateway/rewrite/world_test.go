package rewrite_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"stead"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
	"stead/policy/expr"
)

// world is a governed engine over real files: public.customers with a row rule, a
// replaced and a nulled column; public.orders, all of it clear; public.secrets, which
// the asker may not know of.
type world struct {
	engine   *duck.Engine
	rewriter *rewrite.Rewriter
	tables   map[string]*table
	resolved []string
}

type table struct {
	source stead.DataSource
	rows   stead.Residual
	masks  map[string]string // SQL with {column}
	hidden bool
	sealed bool
}

// rule is a condition as SQL with {column} in place of names; the printer below knows it.
func rule(sql string) stead.Residual {
	return stead.Residual{Extent: stead.When, When: expr.TextLit(sql)}
}

var always = stead.Residual{Extent: stead.Always}

// sqlPrinter stands in for the dialect, so that a test can write SQL.
type sqlPrinter struct{}

func (sqlPrinter) Condition(n expr.Node, column func(string) string) (string, error) {
	return printRule(n, column)
}

func (sqlPrinter) Mask(n expr.Node, _ expr.Type, column func(string) string) (string, error) {
	return printRule(n, column)
}

func printRule(n expr.Node, column func(string) string) (string, error) {
	l, ok := n.(expr.Literal)
	if !ok {
		return "", fmt.Errorf("unexpected node %T", n)
	}
	var b strings.Builder
	rest := l.Value.Text
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, tail, _ := strings.Cut(after, "}")
		b.WriteString(column(name))
		rest = tail
	}
}

var parser = func() *duck.Parser {
	p, err := duck.NewParser(context.Background(), 2)
	if err != nil {
		panic(err)
	}
	return p
}()

// makeFiles runs setup SQL on an ordinary DuckDB that may write below dir.
func makeFiles(t testing.TB, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range append([]string{"SET file_search_path = '" + dir + "'", "SET TimeZone = 'UTC'"}, statements...) {
		if _, err := db.Exec(strings.ReplaceAll(s, "$dir", dir)); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func column(name string, t expr.Type) stead.Column { return stead.Column{Name: name, Type: t} }

var customerColumns = []stead.Column{column("id", expr.IntType), column("name", expr.TextType), column("email", expr.TextType),
	column("phone", expr.TextType), column("region", expr.TextType), column("balance", expr.DecimalType(10, 2)),
	column("score", expr.Type{Kind: expr.Float}), column("day", expr.DateType), column("made", expr.TimestampType),
	column("active", expr.BoolType), column("tags", expr.Type{Kind: expr.Array, Elem: &expr.TextType})}

const customersSQL = `SELECT i AS id, CASE WHEN i % 2 = 0 THEN 'hidden' || i ELSE 'Name ' || i END AS name, 'user' || i || '@example.com' AS email,
	'+49' || i AS phone, CASE WHEN i % 2 = 0 THEN 'US' ELSE 'EU' END AS region, CAST(i AS DECIMAL(10,2)) AS balance, i / 2 AS score,
	DATE '2020-01-01' + CAST(i % 300 AS INTEGER) AS day, TIMESTAMP '2020-01-01' + to_hours(i) AS made, i % 3 = 0 AS active,
	CASE WHEN i % 2 = 0 THEN ['hidden'] ELSE ['a', 'b'] END AS tags FROM range(1, 101) r(i)`

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "public"), 0o755); err != nil {
		t.Fatal(err)
	}
	makeFiles(t, dir, "COPY ("+customersSQL+") TO '$dir/public/customers.parquet'",
		"COPY (SELECT i AS id, i % 100 + 1 AS customer, CAST(i AS DECIMAL(10,2)) AS amount FROM range(1, 301) r(i)) TO '$dir/public/orders.parquet'",
		"COPY (SELECT 'TOPSECRET' AS v, 1 AS id) TO '$dir/public/secrets.parquet'")
	w := &world{tables: map[string]*table{
		"customers": {source: stead.DataSource{ID: 1, Path: []string{"public", "customers"}, Location: "public/customers.parquet", Columns: customerColumns},
			rows: rule("{region} = 'EU'"), masks: map[string]string{"email": "md5({email})", "phone": "CAST(NULL AS VARCHAR)"}},
		"orders": {source: stead.DataSource{ID: 2, Path: []string{"public", "orders"}, Location: "public/orders.parquet",
			Columns: []stead.Column{column("id", expr.IntType), column("customer", expr.IntType), column("amount", expr.DecimalType(10, 2))}}, rows: always},
		"secrets": {source: stead.DataSource{ID: 3, Path: []string{"public", "secrets"}, Location: "public/secrets.parquet",
			Columns: []stead.Column{column("v", expr.TextType), column("id", expr.Type{Kind: expr.Int, Bits: 32})}}, hidden: true},
	}}
	w.open(t, duck.Config{Address: dir, TempDir: t.TempDir()})
	return w
}

func (w *world) open(t testing.TB, cfg duck.Config) {
	t.Helper()
	ctx := context.Background()
	var err error
	if w.engine, err = duck.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.engine.Close() })
	for _, tb := range w.tables {
		tb.source.Connection, tb.source.State = "c", stead.Active
		if err := w.engine.Define(ctx, &tb.source); err != nil {
			t.Fatal(err)
		}
	}
	w.rewriter = w.newRewriter(t, rewrite.Limits{})
}

func (w *world) newRewriter(t testing.TB, l rewrite.Limits) *rewrite.Rewriter {
	t.Helper()
	r, err := rewrite.New(rewrite.Config{Parser: parser, Printer: sqlPrinter{}, Limits: l,
		Catalogue: func(path []string) bool {
			last := strings.ToLower(path[len(path)-1])
			return strings.HasPrefix(last, "pg_") || len(path) > 1 && strings.EqualFold(path[len(path)-2], "information_schema")
		},
		CatalogueFunction: func(name string) bool { return name == "current_user" || name == "version" }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) resolve(path []string) (rewrite.Source, error) {
	w.resolved = append(w.resolved, strings.Join(path, "."))
	missing := stead.Errorf(stead.NotFound, "relation %q does not exist", strings.Join(path, "."))
	last := len(path) - 1
	tb, ok := w.tables[strings.ToLower(path[last])]
	if !ok || tb.hidden || last > 0 && !strings.EqualFold(path[last-1], "public") || last > 1 && path[0] != "stead" {
		return rewrite.Source{}, missing
	}
	d := stead.Decision{Verdict: stead.Allow, Operation: stead.Read, Source: &tb.source, Object: tb.source.Object(), Rows: tb.rows}
	d.Fingerprint = sha256.Sum256([]byte(fmt.Sprint(tb.source.ID, tb.rows, tb.masks)))
	for _, c := range tb.source.Columns {
		cd := stead.ColumnDecision{Name: c.Name, Type: c.Type, Access: stead.ColumnClear}
		if m, ok := tb.masks[c.Name]; ok {
			cd.Access, cd.Mask = stead.ColumnMasked, expr.TextLit(m)
		}
		d.Columns = append(d.Columns, cd)
	}
	return rewrite.Source{Decision: d, Sealed: tb.sealed}, nil
}

func (w *world) plan(sql string, oids ...uint32) (*rewrite.Plan, error) {
	return w.rewriter.Plan(context.Background(), sql, oids, w.resolve)
}

// run plans a statement and runs it as an executor must, giving rows as text.
func (w *world) run(sql string, args ...any) ([]string, *rewrite.Plan, error) {
	p, err := w.plan(sql)
	if err != nil {
		return nil, nil, err
	}
	if p.Catalogue {
		return nil, p, nil
	}
	rows, err := w.execute(p, args)
	return rows, p, err
}

func (w *world) execute(p *rewrite.Plan, args []any) (rows []string, err error) {
	ctx := context.Background()
	c, err := w.engine.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, cp := range p.Copies {
		if _, err := c.Exec(ctx, cp.Drop); err != nil {
			return nil, fmt.Errorf("%s: %w", cp.Drop, err)
		}
		n, err := c.Exec(ctx, cp.Fill, pick(args, cp.Bind)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cp.Fill, err)
		}
		if n > cp.Limit {
			return nil, rewrite.TooLarge()
		}
	}
	return texts(ctx, c, p.SQL, pick(args, p.Bind))
}

func texts(ctx context.Context, c *duck.Conn, sql string, args []any) ([]string, error) {
	rs, err := c.Query(ctx, "SELECT concat_ws('|', "+"COLUMNS(*)) FROM (SELECT coalesce(CAST(COLUMNS(*) AS VARCHAR), '~') FROM ("+sql+") AS q) AS q", args...)
	if err != nil {
		if rs, err = c.Query(ctx, sql, args...); err != nil {
			return nil, err
		}
	}
	defer rs.Close()
	var out []string
	for {
		n, err := rs.Next()
		if err != nil {
			return out, err
		}
		if n == 0 {
			return out, nil
		}
		for i := range n {
			parts := make([]string, len(rs.Columns()))
			for k := range parts {
				v := rs.Column(k)
				switch {
				case v.Null(i):
					parts[k] = "~"
				case v.Type.ID == duck.Varchar:
					parts[k] = v.Text(i)
				default:
					parts[k] = fmt.Sprint("<", v.Type, ">")
				}
			}
			out = append(out, strings.Join(parts, "|"))
		}
	}
}

func pick(args []any, bind []int) []any {
	var out []any
	for _, i := range bind {
		out = append(out, args[i])
	}
	return out
}
