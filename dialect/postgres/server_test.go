package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"stead/dialect/postgres"
	"stead/internal/pgserver"
	"stead/policy/eval"
	"stead/policy/eval/gen"
	"stead/policy/expr"
)

// The printer is held against the interpreter here, over the stored columns of a real server.

const hashKey = "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"

var server = sync.OnceValues(func() (*pgserver.Server, error) { return pgserver.Start(context.Background()) })

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		if s, err := server(); err == nil {
			if err := s.Close(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// started says that there is a server to close; the workers of a fuzz test have none.
var started atomic.Bool

// locales of the three databases.
var locales = map[string]string{
	"bytes":   "",
	"english": " LOCALE_PROVIDER icu ICU_LOCALE 'en-US'",
	"turkish": " LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'",
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	started.Store(true)
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(s.DSN(pgserver.Superuser, database))
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	c, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func run(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%.2000s\n%v", s, err)
		}
	}
}

func scalar(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	var s string
	if err := c.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%.2000s\n%v", sql, err)
	}
	return s
}

// database makes a database of the test's own with a schema full of what could stand in for built-in things.
func database(t *testing.T, name, locale string) *pgx.Conn {
	t.Helper()
	run(t, connect(t, "postgres"), "CREATE DATABASE "+postgres.Quote(name)+" TEMPLATE template0 ENCODING 'UTF8'"+locale)
	c := connect(t, name)
	run(t, c, `CREATE COLLATION public.blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`,
		"CREATE SCHEMA sec", "CREATE TABLE sec.hash_key (id text PRIMARY KEY, key text)", "INSERT INTO sec.hash_key VALUES ('source/1', '"+hashKey+"')",
		"CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'a''b')", "CREATE SCHEMA evil")
	for _, f := range []string{"lower(text)", "upper(text)", "btrim(text, text)", "ltrim(text, text)", "rtrim(text, text)", "substr(text, int, int)", `"left"(text, int)`,
		`"right"(text, int)`, "replace(text, text, text)", "split_part(text, text, int)", "lpad(text, int, text)", "rpad(text, int, text)", "repeat(text, int)",
		"regexp_replace(text, text, text, text)", "to_char(timestamp, text)", "to_char(interval, text)", "encode(bytea, text)", "textcat(text, text)"} {
		run(t, c, "CREATE FUNCTION evil."+f+" RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''evil''::pg_catalog.text'")
	}
	for _, f := range []string{"char_length(text)", "octet_length(text)", "strpos(text, text)"} {
		run(t, c, "CREATE FUNCTION evil."+f+" RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT -1'")
	}
	run(t, c, "CREATE FUNCTION evil.make_date(int, int, int) RETURNS date LANGUAGE sql IMMUTABLE AS 'SELECT NULL::pg_catalog.date'")
	for _, f := range []string{"sha256(bytea)", "convert_to(text, text)", "decode(text, text)"} {
		run(t, c, "CREATE FUNCTION evil."+f+" RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT NULL::pg_catalog.bytea'")
	}
	types := []string{"text", "int2", "int4", "int8", "numeric", "float4", "float8", "date", "timestamp", "timestamptz", "time", "bool", "uuid", "bytea", "varchar", "bpchar"}
	for _, typ := range types {
		stand := func(operators, result string) {
			run(t, c, fmt.Sprintf("CREATE FUNCTION evil.no_%[1]s_%[2]s(a pg_catalog.%[1]s, b pg_catalog.%[1]s) RETURNS pg_catalog.%[2]s LANGUAGE sql IMMUTABLE AS 'SELECT NULL::pg_catalog.%[2]s'", typ, result))
			for _, o := range strings.Fields(operators) {
				run(t, c, fmt.Sprintf("CREATE OPERATOR evil.%s (LEFTARG = pg_catalog.%s, RIGHTARG = pg_catalog.%[2]s, FUNCTION = evil.no_%[2]s_%[3]s)", o, typ, result))
			}
		}
		stand("= <> < <= > >= ~~ ~", "bool")
		stand("+ - * / % ||", "int4")
	}
	for _, typ := range types {
		run(t, c, "CREATE DOMAIN evil."+typ+" AS pg_catalog.inet")
	}
	run(t, c, `CREATE COLLATION evil."C" FROM public.blind`, `CREATE COLLATION evil."default" FROM public.blind`)
	return c
}

// hostile makes a session that means harm.
func hostile(t *testing.T, c *pgx.Conn) {
	t.Helper()
	run(t, c, "SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'America/New_York'", "SET IntervalStyle = 'sql_standard'", "SET extra_float_digits = -15",
		"SET standard_conforming_strings = off", "SET bytea_output = 'escape'", "SET transform_null_equals = on", "SET array_nulls = off",
		"SET backslash_quote = off", "SET escape_string_warning = off", "SET timezone_abbreviations = 'Australia'", "SET plan_cache_mode = force_generic_plan",
		"SET client_min_messages = error", "SET search_path = evil, public, pg_catalog")
	if got := scalar(t, c, "SELECT pg_catalog.concat(lower('A'), coalesce('a'::pg_catalog.text = 'b'::pg_catalog.text, true), 'a'::pg_catalog.text COLLATE \"C\" OPERATOR(pg_catalog.=) 'A', CAST('::1' AS text))"); got != "eviltt::1" {
		t.Fatalf("nothing stands in for anything: %s", got)
	}
}

func keyOf(id string) (string, error) {
	return "SELECT k.key FROM sec.hash_key k WHERE k.id OPERATOR(pg_catalog.=) '" + id + "'", nil
}

// stored is the table's rows, and beside what gen makes what only PostgreSQL has: NaN, infinities, BC, 24:00:00.
func fill(t *testing.T, c *pgx.Conn, g *gen.Gen, cols []expr.Column, count int, collate string, domains bool) []map[string]expr.Value {
	t.Helper()
	defs := []string{"n int"}
	for _, col := range cols {
		name, err := postgres.TypeName(col.Typ)
		if err != nil {
			t.Fatal(err)
		}
		if col.Typ.Kind == expr.Text {
			name += collate
		}
		if domains {
			domain := fmt.Sprintf("public.domain_%d", len(defs))
			run(t, c, "CREATE DOMAIN "+domain+" AS "+name)
			name = domain
		}
		defs = append(defs, postgres.Quote(col.Name)+" "+name)
	}
	run(t, c, "CREATE TABLE public.t ("+strings.Join(defs, ", ")+")")
	var out []map[string]expr.Value
	for n := range count {
		row := g.Row(cols)
		vals := []string{strconv.Itoa(n)}
		for i, col := range cols {
			sql, v, ok := odd(col.Typ, n+i)
			if ok {
				row[col.Name] = v
			} else {
				var err error
				if sql, err = postgres.Literal(row[col.Name], col.Typ); err != nil {
					t.Fatal(err)
				}
			}
			vals = append(vals, sql)
		}
		run(t, c, "INSERT INTO public.t VALUES ("+strings.Join(vals, ", ")+")")
		out = append(out, row)
	}
	run(t, c, "ANALYZE public.t")
	return out
}

const farDay, farMicros = 1 << 40, 1 << 62

func odd(t expr.Type, n int) (string, expr.Value, bool) {
	if n%6 != 0 {
		return "", expr.Null, false
	}
	sign := int64(1 - n/6%2*2)
	infinity := map[int64]string{1: "'infinity'", -1: "'-infinity'"}[sign]
	of := func(i int64) expr.Value { return expr.Value{Kind: t.Kind, Valid: true, Int: i} }
	far := n/12%2 == 0
	switch {
	case t.Kind == expr.Decimal:
		return "'NaN'", expr.Null, true // not a value of the language
	case t.Kind == expr.Date && far:
		return infinity + "::date", of(sign * farDay), true
	case t.Kind == expr.Date && sign > 0:
		return "'5000000-01-01'::date", of(time.Date(5000000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400), true
	case t.Kind == expr.Date:
		return "'4713-01-01 BC'::date", of(time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400), true
	case t.Kind == expr.Time:
		return "'24:00:00'::time", of(86_400_000_000), true
	case t.Kind != expr.Timestamp && t.Kind != expr.Instant:
		return "", expr.Null, false
	case far:
		return infinity, of(sign * farMicros), true
	case sign > 0:
		return "'100000-01-01 00:00:00+00'", of(time.Date(100000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()), true
	}
	return "'0001-12-31 23:59:59.999999+00 BC'", of(time.Date(0, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()), true
}

// valueOf reads what the driver decoded as a value of the language.
func valueOf(t *testing.T, v any, typ expr.Type) expr.Value {
	t.Helper()
	out := expr.Value{Kind: typ.Kind, Valid: true}
	switch v := v.(type) {
	case nil:
		return expr.Null
	case bool:
		out.Bool = v
	case int16:
		out.Int = int64(v)
	case int32:
		out.Int = int64(v)
	case int64:
		out.Int = v
	case float32:
		out.Float = float64(v)
	case float64:
		out.Float = v
	case string:
		if out.Text = v; typ.Fixed {
			out.Text = strings.TrimRight(v, " ")
		}
	case []byte:
		out.Bytes = v
	case pgtype.Numeric:
		if v.NaN {
			return expr.Value{Kind: expr.Opaque, Valid: true, Text: "NaN"} // never to be seen
		}
		out.Dec, out.Scale = v.Int, int(-v.Exp)
		if v.Exp > 0 {
			out.Dec, out.Scale = new(big.Int).Mul(v.Int, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(v.Exp)), nil)), 0
		}
	case time.Time:
		if out.Int = v.UnixMicro(); typ.Kind == expr.Date {
			out.Int = v.Unix() / 86400
		}
	case pgtype.InfinityModifier:
		if out.Int = int64(v) * farMicros; typ.Kind == expr.Date {
			out.Int = int64(v) * farDay
		}
	case pgtype.Time:
		out.Int = v.Microseconds
	case [16]byte:
		out.Text = fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
	case []any:
		for _, item := range v {
			out.Items = append(out.Items, valueOf(t, item, *typ.Elem))
		}
	default:
		t.Fatalf("a %T cannot be read as %s", v, typ)
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
		return a.Bool == b.Bool && a.Int == b.Int && a.Text == b.Text && string(a.Bytes) == string(b.Bytes)
	}
}

func evaluate(t *testing.T, n expr.Node, row map[string]expr.Value) expr.Value {
	t.Helper()
	v, err := eval.Eval(n, func(name string) expr.Value { return row[name] },
		eval.Env{Key: func(string) (string, error) { return hashKey, nil }})
	if err != nil {
		t.Fatalf("%s: %v", expr.Print(n), err)
	}
	return v
}

// question is an expression, what was printed for it, and what every row is to give.
type question struct {
	node expr.Node
	sql  string
	want func(row map[string]expr.Value) expr.Value
	typ  expr.Type
}

// ask runs questions over the table in one statement and compares every row; where the statement fails, each by itself.
func ask(t *testing.T, c *pgx.Conn, rows []map[string]expr.Value, from string, questions []question) {
	t.Helper()
	items := []string{"n"}
	for _, q := range questions {
		items = append(items, q.sql)
	}
	err := answer(t, c, rows, "SELECT "+strings.Join(items, ", ")+" FROM "+from, questions)
	if err == nil {
		return
	}
	if len(questions) == 1 {
		t.Errorf("%s\n%s\n%v", expr.Print(questions[0].node), questions[0].sql, err)
		return
	}
	for _, q := range questions {
		ask(t, c, rows, from, []question{q})
	}
	if !t.Failed() {
		t.Errorf("only together: %v", err)
	}
}

func answer(t *testing.T, c *pgx.Conn, rows []map[string]expr.Value, sql string, questions []question) error {
	t.Helper()
	r, err := c.Query(t.Context(), sql)
	if err != nil {
		return err
	}
	defer r.Close()
	seen := 0
	wrong := map[int]bool{}
	for ; r.Next(); seen++ {
		got, err := r.Values()
		if err != nil {
			return err
		}
		for i, q := range questions {
			row := rows[got[0].(int32)]
			if have, want := valueOf(t, got[i+1], q.typ), q.want(row); !equal(have, want) && !wrong[i] {
				wrong[i] = true
				t.Errorf("%s\n%s\nrow %v: got %+v, want %+v", expr.Print(q.node), q.sql, row, have, want)
			}
		}
	}
	if r.Err() == nil && seen != len(rows) {
		t.Errorf("%d rows of %d", seen, len(rows))
	}
	return r.Err()
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
	return 2600
}
